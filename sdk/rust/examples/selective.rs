// Selective receive: what has the wrong tag stays in the mailbox, in order.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Pid, Received, FOREVER, NO_TAG};

const LOW: i64 = 1;
const HIGH: i64 = 2;
const DONE: i64 = 3;

fn sender(parent: i64) {
    let post = |tag, text| lunatic::begin(tag).text(text).send(parent as Pid);
    post(LOW, "low 1");
    post(NO_TAG, "without a tag");
    post(LOW, "low 2");
    post(HIGH, "high 1");
    post(HIGH, "high 2");
    post(DONE, "done");
}

/// False if it is none.
fn show(message: Received) -> bool {
    if let Received::Data(tag, mut data) = message {
        println!("tag {}: {}", tag, data.text());
        return true;
    }
    false
}

fn main() {
    lunatic::spawn(sender, lunatic::this() as i64);
    show(lunatic::receive_tags(&[DONE], FOREVER));
    while show(lunatic::receive_tags(&[HIGH], 0)) {}
    show(lunatic::receive_tags(&[HIGH, LOW], 0));
    while show(lunatic::receive(0)) {}
    println!("nothing is left");
}
