;; Counts to ten, and shows memory, a loop and two host calls: it prints a line each tenth of a second.
;;
;;   ./dev run examples/count.wat
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; At 0 a vector for fd_write, at 16 the text, at 64 a subscription to the clock, at 128 its event.
  (data (i32.const 0) "\10\00\00\00\03\00\00\00")

  (func $print (param $n i32)
    (i32.store8 (i32.const 16)
      (select (i32.const 0x31) (i32.const 0x20) (i32.ge_u (local.get $n) (i32.const 10))))
    (i32.store8 (i32.const 17)
      (i32.add (i32.const 0x30) (i32.rem_u (local.get $n) (i32.const 10))))
    (i32.store8 (i32.const 18) (i32.const 0x0a))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  ;; The clock with the number 1 never goes back; the time is in nanoseconds from now.
  (func $sleep (param $nanoseconds i64)
    (i32.store offset=16 (i32.const 64) (i32.const 1))
    (i64.store offset=24 (i32.const 64) (local.get $nanoseconds))
    (drop (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 8))))

  (func (export "_start") (local $n i32)
    (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (call $print (local.get $n))
      (call $sleep (i64.const 100000000))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 10))))))
