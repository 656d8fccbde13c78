;; Writes a line to standard output and ends. Run it: ./dev run examples/hello.wat
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $iovs_len i32) (param $nwritten i32)
      (result i32)))

  (memory (export "memory") 1)

  ;; One iovec at 0: where the text begins and how long it is. fd_write puts what it wrote at 8.
  (data (i32.const 0) "\10\00\00\00\17\00\00\00")
  (data (i32.const 16) "Hello from lunatic-run\n")

  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
