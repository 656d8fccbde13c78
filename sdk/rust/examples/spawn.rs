// Spawning with arguments: a number that the entry function gets, or data that is copied over.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Pid, Reader};
use std::sync::atomic::{AtomicI32, Ordering};

const RESULT: i64 = 1;

static INSTANCES: AtomicI32 = AtomicI32::new(0); // Each process has its own.

fn instance() -> i32 {
    INSTANCES.fetch_add(1, Ordering::Relaxed) + 1
}

fn tell(pid: Pid, value: i64) {
    lunatic::begin(RESULT).int(value).send(pid);
}

fn result() -> i64 {
    lunatic::receive_tag(RESULT, lunatic::FOREVER).unwrap().int()
}

fn square(parent: i64) {
    println!("child: I am instance {}", instance());
    tell(parent as Pid, 7 * 7);
}

fn sum(mut data: Reader) {
    println!("child: {} bytes came along", data.size());
    let (parent, from, to) = (data.int(), data.int(), data.int());
    tell(parent as Pid, (from..=to).sum());
}

fn main() {
    let mine = instance();
    lunatic::spawn(square, lunatic::this() as i64);
    println!("parent: 7 squared is {}", result());
    let child = lunatic::spawn_waiting(sum, lunatic::NO_TAG);
    lunatic::data().int(lunatic::this() as i64).int(1).int(100).send(child);
    println!("parent: the sum of 1 to 100 is {}", result());
    println!("parent: I am instance {}", mine);
}
