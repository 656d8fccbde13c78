(module
  (func $add (param $a i64) (param $b i64) (param $c i64) (param $d i64) (result i64 i64)
    local.get $a
    local.get $b
    local.get $c
    local.get $d
    i64.add128)
  (func $carry (param $a i64) (param $b i64) (result i64 i64)
    local.get $a
    i64.const 0
    local.get $b
    i64.const 0
    i64.add128)
  (func $product (param $a i64) (param $b i64) (result i64 i64)
    local.get $a
    local.get $b
    i64.mul_wide_u))
