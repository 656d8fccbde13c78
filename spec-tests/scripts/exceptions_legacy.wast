;; The legacy instructions beyond the official suite: locals, nested arms, delegate to every kind of
;; label, rethrow from inner arms, both encodings in one function.

(module $m
  (tag $e (export "e") (param i32))
  (tag $f (param i64 f64))
  (tag $g)
  (func $throw (param i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local.set $a (i32.const 11)) (local.set $b (i32.const 12))
    (local.set $c (i32.const 13)) (local.set $d (i32.const 14))
    (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $e (i32.const 100))))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $f (i64.const 200) (f64.const 0.5))))
    (if (i32.eq (local.get 0) (i32.const 3)) (then (throw $g)))
    (drop (call $nothing))
    (i32.add (i32.add (local.get $a) (local.get $b)) (i32.add (local.get $c) (local.get $d))))
  (func $nothing (result i32) (local i32)
    (loop (br_if 0 (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 3))))
    (local.get 0))

  (func $arms (export "arms") (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $x f64)
    (local.set $a (i32.const 1000))
    (try (result i32)
      (do
        (local.set $b (i32.const 2000))
        (local.set $x (f64.const 1.5))
        (i32.add (call $throw (local.get $n)) (call $throw (i32.const 0))))
      (catch $e
        (i32.add (i32.add (local.get $a) (local.get $b))))
      (catch $f
        (local.set $c (i32.trunc_f64_s (f64.add (local.get $x))))
        (i32.add (i32.wrap_i64) (i32.mul (local.get $c) (local.get $a))))
      (catch_all
        (i32.sub (local.get $b) (call $throw (i32.const 0))))))

  ;; An arm that throws, catches inside and rethrows the outer one.
  (func (export "nested") (param $n i32) (result i32) (local $log i32)
    (try
      (do
        (try
          (do (drop (call $throw (local.get $n))))
          (catch $e
            (local.set $log (i32.add (local.get $log)))
            (try
              (do (throw $g))
              (catch $g
                (local.set $log (i32.add (local.get $log) (i32.const 1)))
                (rethrow 1)))
            (local.set $log (i32.const -1)))
          (catch_all
            (local.set $log (i32.add (local.get $log) (i32.const 5)))
            (try
              (do (rethrow 1))
              (catch $e (drop) (local.set $log (i32.const -2)))
              (catch_all
                (local.set $log (i32.add (local.get $log) (i32.const 10)))
                (rethrow 0))))))
      (catch $e (local.set $log (i32.add (local.get $log))))
      (catch $f
        (drop)
        (local.set $log (i32.add (i32.wrap_i64) (local.get $log))))
      (catch_all (local.set $log (i32.add (local.get $log) (i32.const 7)))))
    (local.get $log))

  ;; What is delegated goes on at the label: past one try, out of a block, to the caller, or to
  ;; where an arm would throw.
  (func $delegate (export "delegate") (param $n i32) (param $where i32) (result i32)
    (local $k i32)
    (local.set $k (i32.const 3))
    (try (result i32)
      (do
        (try (result i32)
          (do
            (if (i32.eq (local.get $where) (i32.const 0))
              (then (try (do (drop (call $throw (local.get $n)))) (delegate 1))))
            (if (i32.eq (local.get $where) (i32.const 1))
              (then (try (do (drop (call $throw (local.get $n)))) (delegate 2))))
            (if (i32.eq (local.get $where) (i32.const 2))
              (then (try (do (drop (call $throw (local.get $n)))) (delegate 3))))
            (block $b
              (if (i32.eq (local.get $where) (i32.const 3))
                (then (try (do (drop (call $throw (local.get $n)))) (delegate $b)))))
            (if (i32.eq (local.get $where) (i32.const 4))
              (then (throw $g)))
            (i32.const 1))
          (catch $e (i32.add (i32.const 10000)))
          (catch $g
            (try (result i32)
              (do (call $throw (local.get $n)))
              (delegate 0)))))
      (catch $e (i32.add (i32.mul (local.get $k) (i32.const 20000))))))
  (func (export "delegate_caught") (param i32 i32) (result i32)
    (try (result i32)
      (do (call $delegate (local.get 0) (local.get 1)))
      (catch $e (i32.add (i32.const 77000)))
      (catch_all (i32.const 88000))))

  ;; In a loop, many times.
  (func (export "loop") (param $n i32) (result i64)
    (local $i i32) (local $sum i64) (local $k i64) (local $l i64) (local $m i64)
    (local.set $k (i64.const 1)) (local.set $l (i64.const 2)) (local.set $m (i64.const 3))
    (loop $again
      (try
        (do
          (drop (call $throw (i32.rem_u (local.get $i) (i32.const 4))))
          (local.set $sum (i64.add (local.get $sum) (local.get $k))))
        (catch $f
          (drop)
          (local.set $sum (i64.add (local.get $sum)))
          (local.set $sum (i64.add (local.get $sum) (local.get $l))))
        (catch_all (local.set $sum (i64.add (local.get $sum) (local.get $m)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                              (local.get $n))))
    (local.get $sum))

  ;; A try_table inside of a try, and the reverse.
  (func (export "mixed") (param $n i32) (result i32)
    (try (result i32)
      (do
        (block $h (result i32)
          (try_table (result i32) (catch $e $h)
            (try (result i32)
              (do (call $throw (local.get $n)))
              (catch $f (drop) (i32.wrap_i64))))))
      (catch_all (i32.const 4))))

  ;; Nothing in it throws: its arms are dead.
  (func (export "dead") (param $n i32) (result i32) (local $i i32)
    (loop $again
      (try
        (do (local.set $i (i32.add (local.get $i) (i32.const 1))))
        (catch $e (drop) (local.set $i (i32.const 0)) (rethrow 0))
        (catch_all (local.set $i (i32.const 0))))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (block $h
      (try_table (catch_all $h) (local.set $i (i32.add (local.get $i) (i32.const 1))))
      (return (local.get $i)))
    (i32.const 0))

  ;; Arms and what comes after them, unreachable.
  (func (export "unreachable_code") (param i32) (result i32)
    (try (result i32)
      (do (return (call $throw (local.get 0))))
      (catch $e (return (i32.add (i32.const 1))))
      (catch_all (unreachable))))
  ;; The label of a try, with a value.
  (func (export "branch_out") (param i32) (result i32)
    (try $t (result i32)
      (do (drop (call $throw (local.get 0))) (br $t (i32.const 9)))
      (catch $e (br_if $t (local.get 0)) (drop) (i32.const 8))
      (catch_all (br $t (i32.const 7))))))

(assert_return (invoke "arms" (i32.const 0)) (i32.const 100))
(assert_return (invoke "arms" (i32.const 1)) (i32.const 3100))
(assert_return (invoke "arms" (i32.const 2)) (i32.const 2200))
(assert_return (invoke "arms" (i32.const 3)) (i32.const 1950))
(assert_return (invoke "nested" (i32.const 0)) (i32.const 0))
(assert_return (invoke "nested" (i32.const 1)) (i32.const 201))
(assert_return (invoke "nested" (i32.const 2)) (i32.const 215))
(assert_return (invoke "nested" (i32.const 3)) (i32.const 22))
(assert_return (invoke "delegate" (i32.const 1) (i32.const 0)) (i32.const 10100))
(assert_return (invoke "delegate" (i32.const 1) (i32.const 1)) (i32.const 60100))
(assert_exception (invoke "delegate" (i32.const 1) (i32.const 2)))
(assert_return (invoke "delegate" (i32.const 1) (i32.const 3)) (i32.const 10100))
(assert_return (invoke "delegate" (i32.const 1) (i32.const 4)) (i32.const 60100))
(assert_return (invoke "delegate" (i32.const 0) (i32.const 0)) (i32.const 1))
(assert_return (invoke "delegate" (i32.const 0) (i32.const 4)) (i32.const 50))
(assert_return (invoke "delegate_caught" (i32.const 1) (i32.const 2)) (i32.const 77100))
(assert_return (invoke "delegate_caught" (i32.const 2) (i32.const 1)) (i32.const 88000))
(assert_return (invoke "loop" (i32.const 4000)) (i64.const 209000))
(assert_return (invoke "mixed" (i32.const 0)) (i32.const 50))
(assert_return (invoke "mixed" (i32.const 1)) (i32.const 100))
(assert_return (invoke "mixed" (i32.const 2)) (i32.const 200))
(assert_return (invoke "mixed" (i32.const 3)) (i32.const 4))
(assert_return (invoke "dead" (i32.const 10)) (i32.const 11))
(assert_return (invoke "unreachable_code" (i32.const 0)) (i32.const 50))
(assert_return (invoke "unreachable_code" (i32.const 1)) (i32.const 101))
(assert_trap (invoke "unreachable_code" (i32.const 2)) "unreachable")
(assert_return (invoke "branch_out" (i32.const 0)) (i32.const 9))
(assert_return (invoke "branch_out" (i32.const 1)) (i32.const 100))
(assert_return (invoke "branch_out" (i32.const 2)) (i32.const 7))
