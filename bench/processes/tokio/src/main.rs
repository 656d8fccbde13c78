//! The same programs as in ../guests, for Tokio: processes CASE NUMBER... with WORKERS in the
//! environment. Arguments and output are those of the guests; a mailbox is an unbounded channel,
//! but for the flood, which would fill it. Tokio cannot interrupt a task: its hogs give way by
//! themselves every 50 microseconds. It has no links: a crash is a panic, silent, which whoever joins
//! the task sees.

use std::env;
use std::future::Future;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{channel, unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::task::{spawn, yield_now};
use tokio::time::{sleep, sleep_until, timeout};

const HOG_TURN: Duration = Duration::from_micros(50);
const FLOOD_CHANNEL: usize = 1024; // As in Go.

fn main() {
    let mut arguments = env::args().skip(1);
    let case = arguments.next().unwrap_or_default();
    let mut numbers = [0u64; 8];
    for (number, argument) in numbers.iter_mut().zip(arguments) {
        *number = argument.parse().expect("a number");
    }
    let workers = env::var("WORKERS").map_or(1, |w| w.parse().expect("WORKERS is a number"));
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    // A task of its own: what block_on() runs stays on the main thread.
    let done = runtime.spawn(run(case, numbers));
    runtime.block_on(done).expect("the case ends");
    runtime.shutdown_background();
}

async fn run(case: String, numbers: [u64; 8]) {
    let [n, second, third, ..] = numbers;
    match case.as_str() {
        "spawn" => measure(n * third, second, || spawn_from_all(n, third)).await,
        "ping" => ring(n * 2, second, 2, n).await,
        "ring" => ring(n, second, third, n / third * third).await,
        "flood" => flood(n, second).await,
        "crash" => {
            std::panic::set_hook(Box::new(|_| {}));
            measure(n, second, || crash(n)).await;
        }
        "hogs" => hogs(n, Duration::from_millis(second), third).await,
        "parked" => parked(n).await,
        "timers" => timers(n, Duration::from_millis(second)).await,
        _ => std::process::exit(2),
    }
}

async fn spawn_and_wait(n: u64) {
    let (reply, mut replies) = unbounded_channel();
    for _ in 0..n {
        let reply = reply.clone();
        spawn(async move { reply.send(1u64) });
        replies.recv().await;
    }
}

async fn spawn_from_all(n: u64, spawners: u64) {
    if spawners == 1 {
        return spawn_and_wait(n).await;
    }
    let tasks: Vec<_> = (0..spawners).map(|_| spawn(spawn_and_wait(n))).collect();
    for task in tasks {
        task.await.expect("a spawner ends");
    }
}

async fn forward(mut from: UnboundedReceiver<u64>, to: UnboundedSender<u64>) {
    while let Some(message) = from.recv().await {
        if to.send(message).is_err() {
            break;
        }
    }
}

/// A ring of `size` tasks, of which this is one; `operations` are what the time is divided by.
async fn ring(hops: u64, repetitions: u64, size: u64, operations: u64) {
    let (first, mut last) = unbounded_channel();
    for _ in 1..size {
        let (to, next) = unbounded_channel();
        spawn(forward(last, to));
        last = next;
    }
    let mut values = Vec::new();
    for _ in 0..=repetitions {
        let start = Instant::now();
        for round in 0..hops / size {
            first.send(round).expect("the ring lives");
            assert_eq!(last.recv().await, Some(round));
        }
        values.push(per_operation(start.elapsed(), operations));
    }
    print_line(&values[1..]);
}

async fn flood(n: u64, repetitions: u64) {
    let (to, mut messages) = channel::<[u64; 4]>(FLOOD_CHANNEL);
    let (answer, mut answers) = unbounded_channel();
    spawn(async move {
        loop {
            let mut sum = 0;
            for _ in 0..n {
                match messages.recv().await {
                    Some(message) => sum += message[0],
                    None => return,
                }
            }
            let _ = answer.send(sum);
        }
    });
    let mut values = Vec::new();
    for _ in 0..=repetitions {
        let start = Instant::now();
        for i in 0..n {
            to.send([i; 4]).await.expect("the sink lives");
        }
        assert_eq!(answers.recv().await, Some(n * (n - 1) / 2));
        values.push(per_operation(start.elapsed(), n));
    }
    print_line(&values[1..]);
}

async fn crash(n: u64) {
    for i in 0..n {
        let died = spawn(async move {
            if black_box(i) < u64::MAX {
                panic!("trap");
            }
        });
        assert!(died.await.is_err());
    }
}

async fn hogs(n: u64, pause: Duration, count: u64) {
    for _ in 0..count {
        spawn(async {
            loop {
                let start = Instant::now();
                while start.elapsed() < HOG_TURN {}
                yield_now().await;
            }
        });
    }
    sleep(Duration::from_millis(200)).await;
    let mut late = Vec::new();
    for _ in 0..n {
        let start = Instant::now();
        sleep(pause).await;
        late.push(start.elapsed().saturating_sub(pause).as_nanos().to_string());
    }
    print_line(&late);
}

type Question = UnboundedSender<u64>;

async fn parked(n: u64) {
    let (ready, mut all_ready) = unbounded_channel();
    let mut members = Vec::with_capacity(n as usize);
    pause_at("start");
    let start = Instant::now();
    for number in 0..n {
        let (to, mut questions) = unbounded_channel::<Question>();
        members.push(to);
        let ready = ready.clone();
        spawn(async move {
            let _ = ready.send(number);
            drop(ready);
            while let Some(by) = questions.recv().await {
                let _ = by.send(number);
            }
        });
    }
    for _ in 0..n {
        all_ready.recv().await;
    }
    let took = start.elapsed();
    pause_at("parked");
    let (by, mut answers) = unbounded_channel();
    for (number, member) in members.iter().enumerate() {
        member.send(by.clone()).expect("a member lives");
        assert_eq!(answers.recv().await, Some(number as u64));
    }
    print_line(&[per_operation(took, n)]);
}

async fn timers(n: u64, after: Duration) {
    let (to, mut expired) = unbounded_channel();
    let (done, mut all_done) = unbounded_channel();
    spawn(async move {
        for _ in 0..n {
            expired.recv().await;
        }
        let _ = done.send(n);
    });
    let instant = tokio::time::Instant::now() + after;
    for i in 0..n {
        let to = to.clone();
        spawn(async move {
            sleep_until(instant).await;
            let _ = to.send(i);
        });
    }
    let pause = Duration::from_millis(1);
    let mut late = Vec::new();
    loop {
        let start = Instant::now();
        if timeout(pause, all_done.recv()).await.is_ok() {
            break;
        }
        late.push(start.elapsed().saturating_sub(pause).as_nanos().to_string());
    }
    print_line(&late);
}

async fn measure<F: Future>(operations: u64, repetitions: u64, body: impl Fn() -> F) {
    body().await;
    let mut values = Vec::new();
    for _ in 0..repetitions {
        let start = Instant::now();
        body().await;
        values.push(per_operation(start.elapsed(), operations));
    }
    print_line(&values);
}

fn per_operation(took: Duration, operations: u64) -> String {
    format!("{:.3}", took.as_nanos() as f64 / operations as f64)
}

fn print_line(values: &[String]) {
    println!("{{\"ns\":[{}]}}", values.join(","));
}

fn pause_at(place: &str) {
    println!("{{\"at\":\"{place}\"}}");
    io::stdout().flush().expect("standard output");
    io::stdin()
        .read_line(&mut String::new())
        .expect("standard input");
}
