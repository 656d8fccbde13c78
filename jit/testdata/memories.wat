;; A second memory goes through its view; a 64-bit address may wrap around.
(module
  (memory 1)
  (memory $other 1)
  (func $copy_word (param $p i32)
    local.get $p
    local.get $p
    i32.load $other offset=8
    i32.store)
  (func $add_to_other (param $p i32)
    local.get $p
    local.get $p
    i64.load $other
    i64.const 5
    i64.add
    i64.store $other)
  (func $constant (result i32)
    i32.const 16
    i32.load $other))
