;; A linked list in pseudo-random order, sorted by merging, eight times: pointers are followed and
;; changed, and each list dies when the next is made.
(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $n i32 (i32.const 200000))

  (type $cell (struct
    (field $key i32)
    (field $next (mut (ref null $cell)))))

  (func $make (param $n i32) (result (ref null $cell))
    (local $list (ref null $cell)) (local $seed i32)
    (local.set $seed (i32.const 12345))
    (loop $more
      (local.set $seed
        (i32.add (i32.mul (local.get $seed) (i32.const 1103515245)) (i32.const 12345)))
      (local.set $list
        (struct.new $cell (i32.shr_u (local.get $seed) (i32.const 8)) (local.get $list)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $list))

  (func $merge (param $a (ref null $cell)) (param $b (ref null $cell)) (result (ref null $cell))
    (local $head (ref null $cell)) (local $last (ref null $cell)) (local $one (ref null $cell))
    (local.set $head (struct.new $cell (i32.const 0) (ref.null $cell)))
    (local.set $last (local.get $head))
    (block $done
      (loop $next
        (if (ref.is_null (local.get $a))
          (then
            (struct.set $cell $next (local.get $last) (local.get $b))
            (br $done)))
        (if (ref.is_null (local.get $b))
          (then
            (struct.set $cell $next (local.get $last) (local.get $a))
            (br $done)))
        (if (i32.le_u (struct.get $cell $key (local.get $a))
                      (struct.get $cell $key (local.get $b)))
          (then
            (local.set $one (local.get $a))
            (local.set $a (struct.get $cell $next (local.get $a))))
          (else
            (local.set $one (local.get $b))
            (local.set $b (struct.get $cell $next (local.get $b)))))
        (struct.set $cell $next (local.get $last) (local.get $one))
        (local.set $last (local.get $one))
        (br $next)))
    (struct.get $cell $next (local.get $head)))

  ;; Sorts the first n cells, cut off from the rest.
  (func $sort (param $list (ref null $cell)) (param $n i32) (result (ref null $cell))
    (local $half i32) (local $i i32) (local $at (ref null $cell)) (local $rest (ref null $cell))
    (if (i32.le_u (local.get $n) (i32.const 1)) (then (return (local.get $list))))
    (local.set $half (i32.shr_u (local.get $n) (i32.const 1)))
    (local.set $at (local.get $list))
    (local.set $i (i32.sub (local.get $half) (i32.const 1)))
    (block $there
      (loop $step
        (br_if $there (i32.eqz (local.get $i)))
        (local.set $at (struct.get $cell $next (local.get $at)))
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (br $step)))
    (local.set $rest (struct.get $cell $next (local.get $at)))
    (struct.set $cell $next (local.get $at) (ref.null $cell))
    (call $merge
      (call $sort (local.get $list) (local.get $half))
      (call $sort (local.get $rest) (i32.sub (local.get $n) (local.get $half)))))

  (func $sum (param $list (ref null $cell)) (result i32)
    (local $sum i32)
    (loop $next
      (if (i32.eqz (ref.is_null (local.get $list)))
        (then
          (local.set $sum
            (i32.add (i32.mul (local.get $sum) (i32.const 31))
                     (struct.get $cell $key (local.get $list))))
          (local.set $list (struct.get $cell $next (local.get $list)))
          (br $next))))
    (local.get $sum))

  ;; A check sum of the keys in order.
  (func $run (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (local.set $i (i32.const 8))
    (loop $again
      (local.set $sum
        (i32.add (local.get $sum) (call $sum (call $sort (call $make (local.get $n)) (local.get $n)))))
      (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (local.get $sum))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 0)))
    (i64.load (i32.const 0)))

  ;; Writes nanoseconds and the result of a second run.
  (func (export "_start") (local $from i64)
    (drop (call $run (global.get $n)))
    (local.set $from (call $now))
    (i64.store (i32.const 24) (i64.extend_i32_u (call $run (global.get $n))))
    (i64.store (i32.const 16) (i64.sub (call $now) (local.get $from)))
    (i32.store (i32.const 32) (i32.const 16))
    (i32.store (i32.const 36) (i32.const 16))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))))
