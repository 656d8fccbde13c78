;; Vectors on a processor without AVX: two operands, no unaligned ones in memory.
(module
  (memory 1)
  (func $dot (param $a i32) (param $b i32) (param $end i32) (result f32) (local $sum v128)
    (loop $next
      (local.set $sum
        (f32x4.add (local.get $sum)
          (f32x4.mul (v128.load (local.get $a)) (v128.load offset=16 (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $next
        (i32.ne (local.tee $a (i32.add (local.get $a) (i32.const 16))) (local.get $end))))
    (f32.add
      (f32x4.extract_lane 0 (local.get $sum))
      (f32x4.extract_lane 3 (local.get $sum))))
  (func $constants (param v128) (result v128)
    (v128.xor
      (i32x4.add (v128.const i32x4 1 2 3 4) (local.get 0))
      (i32x4.splat (i32.const 5))))
  (func $tests (param v128 v128) (result i32)
    (if (v128.any_true (i8x16.eq (local.get 0) (local.get 1)))
      (then (return (i8x16.bitmask (local.get 0)))))
    (i32x4.all_true (local.get 1)))
  (func $fused (param v128 v128 v128) (result v128)
    (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))
  (func $compares (param v128 v128) (result v128)
    (v128.or
      (i16x8.gt_u (local.get 0) (local.get 1))
      (v128.and (i64x2.ge_s (local.get 0) (local.get 1))
                (f64x2.lt (local.get 0) (local.get 1)))))
  (func $shifts (param v128 i32) (result v128)
    (i8x16.shr_s (i32x4.shl (local.get 0) (local.get 1)) (i32.const 3)))
  (func $shuffles (param v128 v128) (result v128)
    (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23
      (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get 0) (local.get 0))
      (i8x16.shuffle 31 0 30 1 29 2 28 3 27 4 26 5 25 6 24 7 (local.get 0) (local.get 1))))
  (func $lanes (param i32 v128) (result v128)
    (v128.store16_lane 3 (local.get 0) (local.get 1))
    (i32x4.replace_lane 2 (v128.load8_lane 5 (local.get 0) (local.get 1)) (local.get 0)))
  (func $callee (param v128 v128) (result v128) (local v128)
    (local.set 2 (i32x4.mul (local.get 0) (local.get 1)))
    (i32x4.add (local.get 2) (local.get 2)))
  (func $call (param v128 v128) (result v128)
    (i32x4.sub (call $callee (local.get 1) (local.get 0)) (local.get 0))))
