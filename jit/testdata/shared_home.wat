;; $b's first use comes after $a's last one, so they may share a register, but the value of $a is
;; still on the stack then.
(module
  (func $sum (param $n f64) (result f64)
    (local $a f64) (local $b f64) (local $c f64) (local $d f64) (local $e f64) (local $f f64)
    (f64.add (local.tee $a (f64.add (local.get $n) (f64.const 1)))
      (f64.add (local.tee $b (f64.const 2))
        (f64.add (local.tee $c (f64.const 4))
          (f64.add (local.tee $d (f64.const 8))
            (f64.add (local.tee $e (f64.const 16)) (local.tee $f (f64.const 32)))))))))
