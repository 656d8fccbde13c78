;; The same as loop_sum, interrupted by a page: a dead load at the header.
(module
  (memory 1)
  (func $sum (param $p i32) (param $n i32) (result i32) (local $s i32)
    block $done
      local.get $n
      i32.eqz
      br_if $done
      loop $again
        local.get $s
        local.get $p
        i32.load
        i32.add
        local.set $s
        local.get $p
        i32.const 4
        i32.add
        local.set $p
        local.get $n
        i32.const -1
        i32.add
        local.tee $n
        br_if $again
      end
    end
    local.get $s))
