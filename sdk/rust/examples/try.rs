// Trapping safely: a function that fails, and a process that goes on.
#[path = "../lunatic.rs"]
mod lunatic;

struct Division {
    dividend: i32,
    divisor: i32,
    quotient: i32,
}

fn divide(work: *mut Division) {
    let work = unsafe { &mut *work };
    work.quotient = match work.divisor {
        0 => std::process::abort(),
        divisor => work.dividend / divisor,
    }
}

fn leave(_: *mut ()) {
    std::process::exit(3);
}

fn main() {
    let mut work = Division { dividend: 7, divisor: 2, quotient: 0 };
    lunatic::catch(divide, &mut work);
    println!("7 / 2: {}", work.quotient);
    work.divisor = 0;
    let trapped = (0..10000).filter(|_| !lunatic::catch(divide, &mut work)).count();
    println!("7 / 0: trapped {} times", trapped);
    println!("exit: {}", if lunatic::catch(leave, &mut ()) { "returned" } else { "caught" });
    println!("still here");
}
