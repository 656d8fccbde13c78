;; Counters in memory: one instruction each.
(module
  (memory 1)
  (func $count (param $p i32) (param $n i64)
    (i32.store offset=4 (local.get $p) (i32.add (i32.load offset=4 (local.get $p)) (i32.const 1)))
    (i64.store offset=8 (local.get $p)
      (i64.xor (i64.load offset=8 (local.get $p)) (local.get $n)))
    ;; Another place: not the same.
    (i32.store offset=16 (local.get $p)
      (i32.sub (i32.load offset=20 (local.get $p)) (i32.const 3)))))
