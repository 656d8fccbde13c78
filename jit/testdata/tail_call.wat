;; In place of the frame: with fewer stack arguments than were received, through a table, and with more
;; of them, for which the prologue makes room.
(module
  (type $f (func (param i32) (result i32)))
  (table 2 (ref null $f))
  (func $self (param $n i32) (param $sum i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call $self (i32.sub (local.get $n) (i32.const 1))
      (i32.add (local.get $sum) (local.get $n))))
  (func $table (param i32 i32) (result i32)
    (return_call_indirect (type $f) (local.get 1) (local.get 0)))
  (func $eight (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (return_call $self (local.get 7) (local.get 6)))
  (func $more (param i32) (result i32)
    (return_call $eight (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (local.get 0))))
