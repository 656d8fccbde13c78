;; What is paid for where: a body that is always executed as a whole is paid for once, arms pay for
;; themselves, what is inlined is paid for by the caller, and checks stand at entries and headers.
(module
  (func $twice (param i32) (result i32) local.get 0 i32.const 1 i32.shl)
  (func $f (param $n i32) (result i32) (local $s i32)
    loop $again
      local.get $n
      i32.const 1
      i32.and
      if
        local.get $s
        call $twice
        local.set $s
      else
        local.get $s
        local.get $n
        i32.add
        local.set $s
      end
      local.get $n
      i32.const -1
      i32.add
      local.tee $n
      br_if $again
    end
    local.get $s)
  (func $g (param i32)
    local.get 0
    call $f
    call $g))
