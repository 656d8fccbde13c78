(module
  (type $binary (func (param i32 i32) (result i32)))
  (table 4 funcref)
  (func $apply (param $f i32) (param $a i32) (param $b i32) (result i32)
    local.get $a
    local.get $b
    local.get $f
    call_indirect (type $binary)))
