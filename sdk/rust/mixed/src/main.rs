// Something of everything that the crate `lunatic` offers, in one program: processes from functions and
// closures, messages of structures in three encodings, selective receive by tag, links that are
// caught, requests to an abstract process, a supervisor, names, timers, configurations. It prints what happened, in an order that does not depend on the scheduler.
use std::collections::BTreeMap;
use std::time::Duration;

use lunatic::ap::handlers::{Message, Request};
use lunatic::ap::{AbstractProcess, Config, MessageHandler, ProcessRef, RequestHandler, State};
use lunatic::serializer::{Bincode, Json, MessagePack};
use lunatic::supervisor::{Supervisor, SupervisorConfig, SupervisorStrategy};
use lunatic::{spawn_link, LinkDiedSignal, Mailbox, MessageSignal, Process, ProcessConfig, Tag};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Shape {
    Circle { radius: f64 },
    Polygon(Vec<(i32, i32)>),
    Named(String, Box<Shape>),
    Nothing,
}

fn shapes() -> Vec<Shape> {
    vec![
        Shape::Circle { radius: 1.5 },
        Shape::Polygon(vec![(0, 0), (3, 0), (0, -4)]),
        Shape::Named("inner".into(), Box::new(Shape::Nothing)),
    ]
}

#[derive(Serialize, Deserialize)]
struct Job {
    from: Process<(u32, u64)>,
    number: u32,
    up_to: u64,
}

fn sum_up(mailbox: Mailbox<Job>) {
    let job = mailbox.receive();
    job.from.send((job.number, (1..=job.up_to).sum()));
}

fn fan_out() {
    let mailbox = unsafe { Mailbox::<(u32, u64)>::new() };
    for number in 0..50 {
        let worker = Process::spawn((), |_, mailbox: Mailbox<Job>| sum_up(mailbox));
        worker.send(Job { from: mailbox.this(), number, up_to: 1000 + number as u64 });
    }
    let results: BTreeMap<u32, u64> = (0..50).map(|_| mailbox.receive()).collect();
    println!("50 processes: {} results, {} in all", results.len(), results.values().sum::<u64>());
}

// The same values there and back, in every encoding.
fn encodings() {
    macro_rules! there_and_back {
        ($encoding:ident) => {{
            let mailbox = unsafe { Mailbox::<Vec<Shape>, $encoding>::new() };
            let echo = Process::<Vec<Shape>, $encoding>::spawn(
                mailbox.this(),
                |parent: Process<Vec<Shape>, $encoding>, mailbox: Mailbox<Vec<Shape>, $encoding>| {
                    let mut shapes = mailbox.receive();
                    shapes.reverse();
                    parent.send(shapes);
                },
            );
            echo.send(shapes());
            let mut back = mailbox.receive();
            back.reverse();
            println!("{}: {}", stringify!($encoding), back == shapes());
        }};
    }
    there_and_back!(Bincode);
    there_and_back!(Json);
    there_and_back!(MessagePack);
}

fn tags() {
    let mailbox = unsafe { Mailbox::<String>::new() };
    let (first, second) = (Tag::new(), Tag::new());
    let this = mailbox.this();
    this.tag_send(second, "second".to_string());
    this.tag_send(first, "first".to_string());
    this.send("untagged".to_string());
    print!("tags: {}", mailbox.tag_receive(&[first]));
    print!(", {}", mailbox.tag_receive(&[second]));
    println!(", {}", mailbox.receive());
}

fn links() {
    let mailbox = unsafe { Mailbox::<()>::new() }.catch_link_failure();
    let tag = Tag::special(77).unwrap();
    Process::spawn_link_tag((), tag, |_, _: Mailbox<()>| panic!("on purpose"));
    match mailbox.receive() {
        MessageSignal::Signal(LinkDiedSignal(dead)) => println!("link: {} died", dead.id()),
        MessageSignal::Message(()) => println!("link: something else"),
    }
}

struct Counter {
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Add(u64);
#[derive(Serialize, Deserialize)]
struct Get;
#[derive(Serialize, Deserialize)]
struct Crash;

impl AbstractProcess for Counter {
    type State = Self;
    type Serializer = Bincode;
    type Arg = u64;
    type Handlers = (Message<Add>, Request<Get>, Message<Crash>);
    type StartupError = ();

    fn init(_: Config<Self>, count: u64) -> Result<Self, ()> {
        Ok(Counter { count })
    }
}

impl MessageHandler<Add> for Counter {
    fn handle(mut state: State<Self>, Add(more): Add) {
        state.count += more;
    }
}

impl MessageHandler<Crash> for Counter {
    fn handle(_: State<Self>, _: Crash) {
        panic!("on purpose");
    }
}

impl RequestHandler<Get> for Counter {
    type Response = u64;
    fn handle(state: State<Self>, _: Get) -> u64 {
        state.count
    }
}

fn abstract_process() {
    let counter = Counter::start(10).unwrap();
    for more in 1..=100 {
        counter.send(Add(more));
    }
    println!("abstract process: {}", counter.request(Get));
    counter.shutdown();
}

struct Boss;

impl Supervisor for Boss {
    type Arg = ();
    type Children = (Counter,);

    fn init(config: &mut SupervisorConfig<Self>, _: ()) {
        config.set_strategy(SupervisorStrategy::OneForOne);
        config.children_args(((7, Some("counter".to_string())),));
    }
}

fn supervisor() {
    let boss = Boss::start(()).unwrap();
    let counter = ProcessRef::<Counter>::lookup(&"counter").unwrap();
    counter.send(Add(1));
    let before = counter.request(Get);
    counter.send(Crash);
    let after = loop {
        lunatic::sleep(Duration::from_millis(5));
        match ProcessRef::<Counter>::lookup(&"counter") {
            Some(new) if new.id() != counter.id() => break new.request(Get),
            _ => {}
        }
    };
    println!("supervisor: {} before the crash, {} after it", before, after);
    boss.shutdown();
}

fn timers() {
    let mailbox = unsafe { Mailbox::<String>::new() };
    mailbox.this().send_after("late".to_string(), Duration::from_millis(40));
    mailbox.this().send_after("early".to_string(), Duration::from_millis(10));
    let cancelled = mailbox.this().send_after("never".to_string(), Duration::from_millis(20)).cancel();
    print!("timers: {}", mailbox.receive());
    print!(", {}", mailbox.receive());
    let last = mailbox.receive_timeout(Duration::from_millis(40));
    println!(", cancelled {}, then nothing {}", cancelled, last.is_err());
}

fn configurations() {
    let mailbox = unsafe { Mailbox::<String>::new() };
    let mut config = ProcessConfig::new().unwrap();
    config.set_max_memory(3_000_000);
    config.set_max_fuel(1000);
    config.add_environment_variable("COLOUR", "green");
    config.add_command_line_argument("child");
    Process::spawn_config(&config, mailbox.this(), |parent: Process<String>, _: Mailbox<()>| {
        let colour = std::env::var("COLOUR").unwrap();
        let arguments: Vec<String> = std::env::args().collect();
        parent.send(format!("{} {:?} {}", colour, arguments, std::env::vars().count()));
    });
    println!("configuration: {}", mailbox.receive());
}

fn main() {
    fan_out();
    encodings();
    tags();
    links();
    abstract_process();
    supervisor();
    timers();
    configurations();
    let task = spawn_link!(@task |base = 20| base * 2 + 2);
    println!("task: {}", task.result());
}
