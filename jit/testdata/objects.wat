;; An object is made where the cursor stands, its zeros are not stored; a cast to a final type is one
;; compare, to one that may have subtypes two loads more; what was not null stays so.
(module
  (type $shape (sub (struct (field $area (mut f64)) (field $next (ref null $shape)))))
  (type $square (sub final $shape
    (struct (field $area (mut f64)) (field $next (ref null $shape)) (field $side i32))))
  (type $bytes (array (mut i8)))
  (func $make (param $side i32) (result (ref $shape))
    (struct.new $square (f64.const 0) (ref.null $shape) (local.get $side)))
  (func $side (param $s (ref null $shape)) (result i32)
    (struct.get $square $side (ref.cast (ref $square) (local.get $s))))
  (func $is-shape (param $x anyref) (result i32)
    (ref.test (ref $shape) (local.get $x)))
  (func $twice (param $s (ref null $shape))
    (struct.set $shape $area (local.get $s)
      (f64.add (struct.get $shape $area (local.get $s)) (f64.const 2))))
  (func $byte (param $length i32) (param $at i32) (result i32)
    (array.get_u $bytes (array.new_default $bytes (local.get $length)) (local.get $at))))
