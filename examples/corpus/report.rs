// The corpus program in Rust; README.md says what it does. The other languages' do the same.
use std::collections::BTreeMap;
use std::io::{self, BufRead, ErrorKind};
use std::{env, fs, process};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    for (index, argument) in arguments.iter().enumerate() {
        println!("argument {}: {}", index + 1, argument);
    }
    println!("greeting: {}", env::var("GREETING").unwrap_or("(none)".into()));

    let text = fs::read_to_string(&arguments[0])?;
    let mut counts = BTreeMap::new();
    let mut words = 0;
    for word in text.split(|c: char| !c.is_ascii_lowercase()).filter(|word| !word.is_empty()) {
        *counts.entry(word).or_insert(0) += 1;
        words += 1;
    }
    println!("lines {} words {} bytes {}", text.matches('\n').count(), words, text.len());

    let mut ranked: Vec<_> = counts.iter().collect();
    ranked.sort_by_key(|&(word, count)| (-count, word));
    for (word, count) in ranked.iter().take(3) {
        println!("{} {}", word, count);
    }
    println!("average {:.3}", text.len() as f64 / words as f64);

    let lines: String = counts.keys().map(|word| format!("{}\n", word)).collect();
    fs::write(&arguments[1], lines)?;

    println!("missing: {}", match fs::read("/data/missing.txt") {
        Ok(_) => "found",
        Err(error) if error.kind() == ErrorKind::NotFound => "not found",
        Err(_) => "another error",
    });

    let mut total = 0;
    for line in io::stdin().lock().lines() {
        total += line?.parse::<i32>().unwrap_or(0);
    }
    println!("total {}", total);
    eprintln!("leaving with {}", arguments[2]);
    process::exit(arguments[2].parse().unwrap());
}
