;; Locals whose uses do not overlap share a register. A read of the first that still waits on the
;; stack when the second moves in must keep its value, wherever that value is by then. The parameter
;; lives throughout, so that neither gets its register.
(module
  (func $lose (nop))

  ;; The condition is the second local, in the register. The call has moved the first into its slot.
  (func (export "select") (param $p i32) (result i32) (local $a i32) (local $b i32)
    (local.set $a (i32.add (local.get $p) (i32.const 100)))
    (local.get $a)
    (call_indirect (i32.const 0))
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (i32.const 5)
    (local.tee $b (i32.and (local.get $p) (i32.const 1)))
    (select)
    (i32.add (i32.mul (local.get $b) (i32.const 1000)))
    (i32.add (local.get $p)))

  ;; No call: the value is still in the register.
  (func (export "in register") (param $p i32) (result i32) (local $a i32) (local $b i32)
    (local.set $a (i32.add (local.get $p) (i32.const 100)))
    (local.get $a)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (local.set $b (i32.and (local.get $p) (i32.const 1)))
    (i32.add (i32.mul (local.get $b) (i32.const 1000)))
    (i32.add (local.get $p)))

  ;; The first is an operand of an operation with the second.
  (func (export "subtract") (param $p i32) (result i32) (local $a i32) (local $b i32)
    (local.set $a (i32.mul (local.get $p) (i32.const 3)))
    (local.get $a)
    (call_indirect (i32.const 0))
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop) (nop)
    (local.tee $b (i32.add (local.get $p) (i32.const 1)))
    (i32.sub)
    (i32.mul (local.get $b))
    (i32.add (local.get $p)))

  (table 1 funcref)
  (elem (i32.const 0) $lose))

(assert_return (invoke "select" (i32.const 7)) (i32.const 1114))
(assert_return (invoke "select" (i32.const 8)) (i32.const 13))
(assert_return (invoke "in register" (i32.const 7)) (i32.const 1114))
(assert_return (invoke "subtract" (i32.const 10)) (i32.const 219))
