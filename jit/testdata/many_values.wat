;; More arguments and results than registers.
(module
  (func $nine (param i32 i32 i32 i32 i32 i32 i32 i64 i32) (result i32 i64 i32 i32)
    local.get 8
    local.get 7
    local.get 6
    local.get 0)
  (func $caller (result i32)
    i32.const 0 i32.const 1 i32.const 2 i32.const 3 i32.const 4 i32.const 5 i32.const 6
    i64.const 7 i32.const 8
    call $nine
    i32.add
    drop
    drop))
