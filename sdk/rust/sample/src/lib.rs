// Tests as lunatic-run knows them: exported functions whose names say what is expected. The crate
// `lunatic` has an attribute that makes them; here they are written out. `cargo test` runs them, each
// in a process of its own.

pub fn half(number: i32) -> i32 {
    assert!(number % 2 == 0, "{} is odd", number);
    number / 2
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use super::half;
    use std::sync::atomic::{AtomicI32, Ordering};

    static CALLS: AtomicI32 = AtomicI32::new(0);

    #[export_name = "#lunatic_test_sample::halves"]
    extern "C" fn halves() {
        assert_eq!(half(4), 2);
    }

    #[export_name = "#lunatic_test_sample::says_something"]
    extern "C" fn says_something() {
        println!("half of 10 is {}", half(10));
        eprintln!("and this is standard error");
    }

    // Each test has its own globals.
    #[export_name = "#lunatic_test_sample::is_alone"]
    extern "C" fn is_alone() {
        assert_eq!(CALLS.fetch_add(1, Ordering::Relaxed), 0);
    }

    #[export_name = "#lunatic_test_sample::is_alone_too"]
    extern "C" fn is_alone_too() {
        assert_eq!(CALLS.fetch_add(1, Ordering::Relaxed), 0);
    }

    #[export_name = "#lunatic_test_#panic_3 is odd#sample::refuses_odd_numbers"]
    extern "C" fn refuses_odd_numbers() {
        half(3);
    }

    #[export_name = "#lunatic_test_#panic_#sample::refuses_somehow"]
    extern "C" fn refuses_somehow() {
        half(5);
    }

    #[export_name = "#lunatic_test_#panic_even#sample::panics_with_another_text"]
    extern "C" fn panics_with_another_text() {
        half(7);
    }

    #[export_name = "#lunatic_test_#panic_odd#sample::should_panic_but_returns"]
    extern "C" fn should_panic_but_returns() {
        half(8);
    }

    #[export_name = "#lunatic_test_sample::panics"]
    extern "C" fn panics() {
        half(9);
    }

    #[export_name = "#lunatic_test_sample::traps"]
    extern "C" fn traps() {
        std::process::abort();
    }

    #[export_name = "#lunatic_test_#ignore_sample::takes_long"]
    extern "C" fn takes_long() {
        assert_eq!(half(1_000_000), 500_000);
    }
}
