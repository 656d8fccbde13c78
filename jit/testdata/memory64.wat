(module
  (memory i64 1)
  (func $fields (param $p i64) (result i64)
    local.get $p
    i64.load
    local.get $p
    i64.load offset=8
    i64.add)
  (func $far (param $p i64) (param $v i32)
    local.get $p
    local.get $v
    i32.store offset=0x123456789)
  (func $size (result i64) memory.size))
