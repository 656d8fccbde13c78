// Monitors: hearing of the end of a process, whatever it was, without being part of it.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Pid, Received, FOREVER};

const GO: i64 = 1;

fn waits(_: i64) {
    lunatic::receive_tag(GO, FOREVER);
}

fn waits_and_fails(_: i64) {
    lunatic::receive_tag(GO, FOREVER);
    std::process::abort();
}

fn monitored(entry: fn(i64)) -> Pid {
    let pid = lunatic::spawn(entry, 0);
    lunatic::monitor(pid);
    pid
}

fn go(pid: Pid) {
    lunatic::begin(GO).send(pid);
}

fn await_end(pid: Pid, what: &str) {
    match lunatic::receive(FOREVER) {
        Received::ProcessDied(dead) if dead == pid => println!("{}: seen", what),
        _ => println!("{}: something else came", what),
    }
}

fn main() {
    let pid = monitored(waits);
    go(pid);
    await_end(pid, "a normal end");

    let pid = monitored(waits_and_fails);
    go(pid);
    await_end(pid, "a failure");

    let pid = monitored(waits);
    lunatic::kill(pid);
    await_end(pid, "a kill");

    let pid = monitored(waits);
    lunatic::stop_monitoring(pid);
    go(pid);
    if let Received::Nothing = lunatic::receive(50) {
        println!("no longer monitored: nothing came");
    }
}
