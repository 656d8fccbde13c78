;; Types that extend something with more fields, or of another kind: objects are laid out before the
;; types are compared. (Found by the decoder's fuzzing; it shows under AddressSanitizer.)
(assert_invalid
  (module (type $array (sub (array i32))) (type (sub $array (struct))))
  "sub type 1 does not match super type")
(assert_invalid
  (module
    (type $large (sub (struct (field i64 i64 i64 i64))))
    (type (sub $large (struct (field i64)))))
  "sub type 1 does not match super type")
(assert_invalid
  (module (rec
    (type $large (sub (struct (field i32 i64 i32 i64))))
    (type (sub $large (struct)))))
  "sub type 1 does not match super type")
