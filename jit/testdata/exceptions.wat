;; A throw, and a try_table whose locals are where a landing pad finds them: $kept in a register that
;; calls preserve, or in its slot.
(module
  (tag $e (param i32 i32))
  (func $throw (param i32)
    (throw $e (local.get 0) (i32.const 7)))
  (func $catch (param $kept i32) (result i32)
    (block $caught (result i32 i32)
      (try_table (catch $e $caught)
        (call $throw (local.get $kept))
        (local.set $kept (i32.add (local.get $kept) (i32.const 1)))
        (call $throw (local.get $kept)))
      (return (i32.const 0)))
    i32.add
    (i32.add (local.get $kept)))
  (func $again (param $x i32) (result i32)
    (try (result i32)
      (do (call $throw (local.get $x)) (i32.const 1))
      (catch_all (rethrow 0)))))
