// Request and reply: a process that keeps a total, and answers whoever adds to it.
#[path = "../lunatic.rs"]
mod lunatic;

use lunatic::{Reader, Received, Request, FOREVER};

const ADD: i64 = 1;
const STOP: i64 = 2;

fn keeper(mut total: i64) {
    while let Received::Data(tag, mut data) = lunatic::receive_tags(&[ADD, STOP], FOREVER) {
        let request = Request::read(&mut data);
        if tag == ADD {
            total += data.int();
        }
        let text = if tag == STOP { "good bye" } else { "noted" };
        request.reply(|reply| reply.int(total).text(text));
        if tag == STOP {
            return;
        }
    }
}

fn silent(_: i64) {
    lunatic::receive(FOREVER);
}

fn show(reply: Option<Reader>) {
    let mut reply = reply.unwrap();
    println!("total {}: {}", reply.int(), reply.text());
}

fn main() {
    let keeper = lunatic::spawn(keeper, 100);
    for more in 1..=3 {
        show(lunatic::ask(keeper, ADD, FOREVER, |request| request.int(more)));
    }
    show(lunatic::ask(keeper, STOP, FOREVER, |request| request));

    let silent = lunatic::spawn(silent, 0);
    if lunatic::ask(silent, ADD, 20, |request| request).is_none() {
        println!("no answer in time");
    }
}
