// A supervisor: its children fail and are started again, until it happens too often.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Pid, Reader, Received, Request, FOREVER};

const COUNT: i64 = 1;
const CRASH: i64 = 2;
const STOP: i64 = 3;
const ENDED: i64 = 4;

const FIRST_LINK: i64 = 100; // Its children's links, by their place in the list.
const RESTARTS_MAX: usize = 2;
const CHILDREN: [(&str, fn(Reader)); 2] = [("idle", idle), ("counter", counter)];

// Counts the requests that it has answered.
fn counter(_: Reader) {
    for answered in 1.. {
        match lunatic::receive_tags(&[COUNT, CRASH], FOREVER) {
            Received::Data(COUNT, mut data) => {
                Request::read(&mut data).reply(|reply| reply.int(answered))
            }
            _ => std::process::abort(),
        }
    }
}

fn idle(_: Reader) {
    lunatic::receive_tag(COUNT, FOREVER);
}

// A child waits for its data, so its monitor is in place before it begins, and no end is missed.
fn start(which: usize) -> Pid {
    let (name, entry) = CHILDREN[which];
    let pid = lunatic::spawn_waiting(entry, FIRST_LINK + which as i64);
    lunatic::register(name, pid);
    lunatic::monitor(pid);
    lunatic::data().send(pid);
    pid
}

// Of a failure come two messages, the link's and then the monitor's; of a normal end the second.
fn supervise() -> bool {
    let mut running: Vec<Option<Pid>> = (0..CHILDREN.len()).map(|which| Some(start(which))).collect();
    let mut failing = [false; CHILDREN.len()];
    let mut restarts = 0;
    let ok = loop {
        if running.iter().all(Option::is_none) {
            break true;
        }
        match lunatic::receive(FOREVER) {
            Received::Data(STOP, _) => break true,
            Received::LinkDied(tag) => failing[(tag - FIRST_LINK) as usize] = true,
            Received::ProcessDied(pid) => {
                let which = running.iter().position(|&known| known == Some(pid)).unwrap();
                running[which] = None;
                if std::mem::take(&mut failing[which]) {
                    restarts += 1;
                    if restarts > RESTARTS_MAX {
                        break false;
                    }
                    running[which] = Some(start(which));
                }
            }
            _ => {}
        }
    };
    for pid in running.into_iter().flatten() {
        lunatic::kill(pid);
        while lunatic::is_alive(pid) {
            lunatic::receive(1);
        }
    }
    ok
}

fn supervisor(parent: i64) {
    lunatic::trap_exits(true);
    let ok = supervise();
    lunatic::begin(ENDED).int(ok as i64).send(parent as Pid);
}

// The process of that name that is not `old`, which may not be there yet.
fn find(name: &str, old: Pid) -> Pid {
    loop {
        match lunatic::lookup(name) {
            Some(pid) if pid != old => return pid,
            _ => lunatic::sleep(1),
        }
    }
}

fn ask(pid: Pid) {
    let mut reply = lunatic::ask(pid, COUNT, FOREVER, |request| request).unwrap();
    println!("request {}", reply.int());
}

fn crash(pid: Pid) {
    lunatic::begin(CRASH).send(pid);
}

fn ended_well() -> bool {
    lunatic::receive_tag(ENDED, FOREVER).unwrap().int() != 0
}

fn alive(pid: Pid) -> &'static str {
    if lunatic::is_alive(pid) { "alive" } else { "gone" }
}

fn main() {
    lunatic::spawn(supervisor, lunatic::this() as i64);
    let idle = find("idle", 0);
    let mut counter = find("counter", 0);
    ask(counter);
    ask(counter);
    for _ in 0..2 {
        crash(counter);
        counter = find("counter", counter);
        println!("a new counter");
        ask(counter);
    }
    println!("the other child is {}", if find("idle", 0) == idle { "the same" } else { "a new one" });
    crash(counter);
    let verdict = if ended_well() { "still there" } else { "the supervisor gave up" };
    println!("too many crashes: {}", verdict);
    println!("the other child is {}", alive(idle));

    let boss = lunatic::spawn(supervisor, lunatic::this() as i64);
    counter = find("counter", counter);
    ask(counter);
    lunatic::begin(STOP).send(boss);
    println!("told to stop: {}", if ended_well() { "it did" } else { "it failed" });
    println!("the counter is {}", alive(counter));
}
