(module
  (func $div_s (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s)
  (func $rem_u (param i64 i64) (result i64) local.get 0 local.get 1 i64.rem_u)
  (func $by_ten (param i32) (result i32) local.get 0 i32.const 10 i32.div_u)
  (func $by_seven (param i32) (result i32) local.get 0 i32.const 7 i32.div_u)
  (func $digit (param i32) (result i32) local.get 0 i32.const 10 i32.rem_s)
  (func $eighth (param i32) (result i32) local.get 0 i32.const 8 i32.div_s))
