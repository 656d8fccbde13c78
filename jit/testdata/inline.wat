;; A small leaf function is compiled in place of its call.
(module
  (memory 1)
  (func $field (param $p i32) (result i32) (i32.load offset=8 (local.get $p)))
  (func $mix (param $a i32) (param $b i32) (result i32)
    (i32.add (i32.mul (local.get $a) (local.get $a)) (local.get $b)))
  (func $use (param $p i32) (result i32)
    (call $mix (call $field (local.get $p)) (i32.const 5))))
