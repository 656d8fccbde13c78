// Links: linked processes fail together, unless one of them wants to hear of it instead.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Received, FOREVER};

const CHILD: i64 = 5;
const CHAIN: i64 = 6;
const QUIET: i64 = 7;

fn fails(_: i64) {
    std::process::abort();
}

fn returns(_: i64) {}

// Has a child of its own, whose failure ends it.
fn middle(_: i64) {
    lunatic::spawn_link(fails, 0, 1);
    lunatic::receive(FOREVER); // Nothing comes.
}

fn main() {
    lunatic::trap_exits(true);

    let pid = lunatic::spawn_link(fails, 0, CHILD);
    if let Received::LinkDied(tag) = lunatic::receive(FOREVER) {
        println!("link {} died", tag);
    }
    println!("the child is {}", if lunatic::is_alive(pid) { "alive" } else { "gone" });

    lunatic::spawn_link(middle, 0, CHAIN);
    if let Received::LinkDied(tag) = lunatic::receive(FOREVER) {
        println!("link {} died of its own child", tag);
    }

    let pid = lunatic::spawn_link(returns, 0, QUIET);
    if let Received::Nothing = lunatic::receive(50) {
        println!("a normal end tells nobody");
    }

    lunatic::link(QUIET, pid);
    if let Received::LinkDied(tag) = lunatic::receive(FOREVER) {
        println!("link {}: there is no such process", tag);
    }
}
