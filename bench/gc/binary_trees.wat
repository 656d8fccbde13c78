;; Binary trees: a tree that lives on, and very many that do not (the benchmark by that name).
(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $n i32 (i32.const 16))

  (type $node (struct
    (field $left (ref null $node))
    (field $right (ref null $node))))

  (func $make (param $depth i32) (result (ref $node))
    (if (result (ref $node)) (local.get $depth)
      (then
        (struct.new $node
          (call $make (i32.sub (local.get $depth) (i32.const 1)))
          (call $make (i32.sub (local.get $depth) (i32.const 1)))))
      (else (struct.new $node (ref.null $node) (ref.null $node)))))

  (func $count (param $node (ref null $node)) (result i32)
    (if (ref.is_null (struct.get $node $left (local.get $node))) (then (return (i32.const 1))))
    (i32.add
      (i32.add
        (call $count (struct.get $node $left (local.get $node)))
        (call $count (struct.get $node $right (local.get $node))))
      (i32.const 1)))

  ;; The number of all nodes made, modulo 2^32.
  (func $run (param $n i32) (result i32)
    (local $long_lived (ref null $node))
    (local $depth i32) (local $i i32) (local $sum i32)
    (local.set $sum (call $count (call $make (i32.add (local.get $n) (i32.const 1)))))
    (local.set $long_lived (call $make (local.get $n)))
    (local.set $depth (i32.const 4))
    (loop $depths
      (local.set $i
        (i32.shl (i32.const 1)
          (i32.add (i32.sub (local.get $n) (local.get $depth)) (i32.const 4))))
      (loop $trees
        (local.set $sum
          (i32.add (local.get $sum) (call $count (call $make (local.get $depth)))))
        (br_if $trees (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (local.set $depth (i32.add (local.get $depth) (i32.const 2)))
      (br_if $depths (i32.le_s (local.get $depth) (local.get $n))))
    (i32.add (local.get $sum) (call $count (local.get $long_lived))))

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
