;; What a fault looks like: the reason, and the functions that were active, by their names.
;;
;;   ./dev run --invoke divide examples/trap.wat 7 0
(module
  (func $divide (export "divide") (param $a i32) (param $b i32) (result i32)
    (call $quotient (local.get $a) (local.get $b)))
  (func $quotient (param $a i32) (param $b i32) (result i32)
    (i32.div_s (local.get $a) (local.get $b))))
