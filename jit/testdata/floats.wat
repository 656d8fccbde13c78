(module
  (memory 1)
  (func $axpy (param $p i32) (param $q i32) (param $n i32) (param $a f64)
    loop $again
      local.get $q
      local.get $p
      f64.load
      local.get $a
      f64.mul
      local.get $q
      f64.load
      f64.add
      f64.store
      local.get $p i32.const 8 i32.add local.set $p
      local.get $q i32.const 8 i32.add local.set $q
      local.get $n i32.const 1 i32.sub local.tee $n
      br_if $again
    end)
  (func $less (param f64 f64) (result i32) local.get 0 local.get 1 f64.lt)
  (func $pick (param f32 f32) (result f32)
    local.get 0 local.get 1 local.get 0 local.get 1 f32.gt select))
