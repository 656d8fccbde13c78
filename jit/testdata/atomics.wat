(module
  (memory 1 1 shared)
  (func $increment (param $p i32) (result i32)
    local.get $p
    i32.const 1
    i32.atomic.rmw.add)
  (func $set_bits (param $p i32) (param $bits i64) (result i64)
    local.get $p
    local.get $bits
    i64.atomic.rmw8.or_u offset=4)
  (func $exchange (param $p i32) (param $old i32) (param $new i32) (result i32)
    local.get $p
    local.get $old
    local.get $new
    i32.atomic.rmw.cmpxchg offset=4)
  (func $publish (param $p i32)
    local.get $p
    i32.const 1
    i32.atomic.store
    atomic.fence)
  (func $wait (param $p i32) (result i32)
    local.get $p
    i32.const 0
    i64.const -1
    memory.atomic.wait32))
