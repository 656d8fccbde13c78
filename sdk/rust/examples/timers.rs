// Timers: messages that are sent later, and receiving that ends at some time.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Timer, FOREVER};

const TICK: i64 = 1;
const ALARM: i64 = 2;

fn after(delay_ms: u64, tag: i64, text: &str) -> Timer {
    lunatic::begin(tag).text(text).send_after(lunatic::this(), delay_ms)
}

fn main() {
    after(60, TICK, "third");
    after(20, TICK, "first");
    after(40, TICK, "second");
    let alarm = after(30, ALARM, "alarm");
    println!("the alarm is {}", if alarm.cancel() { "cancelled" } else { "too late" });
    for _ in 0..3 {
        println!("{}", lunatic::receive_tag(TICK, FOREVER).unwrap().text());
    }
    if lunatic::receive_tag(ALARM, 20).is_none() {
        println!("no alarm came");
    }
    lunatic::sleep(1);
    println!("slept");
}
