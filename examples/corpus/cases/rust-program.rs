// The Rust library: arguments, environment, files, collections, formatting, exit status.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Operator(char),
}

fn tokens(text: &str) -> Vec<Token> {
    text.split_whitespace()
        .map(|word| match word.parse::<f64>() {
            Ok(value) => Token::Number(value),
            Err(_) => Token::Operator(word.chars().next().unwrap()),
        })
        .collect()
}

fn evaluate(text: &str) -> Option<f64> {
    let mut stack = Vec::new();
    for token in tokens(text) {
        match token {
            Token::Number(value) => stack.push(value),
            Token::Operator(op) => {
                let (b, a) = (stack.pop()?, stack.pop()?);
                stack.push(match op {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    _ => return None,
                });
            }
        }
    }
    stack.pop()
}

fn files() -> io::Result<()> {
    fs::create_dir_all("/work/a/b")?;
    fs::write("/work/a/b/one.txt", "one\ntwo\nthree\n")?;
    let mut file = fs::OpenOptions::new().read(true).append(true).open("/work/a/b/one.txt")?;
    writeln!(file, "four")?;
    file.seek(SeekFrom::Start(4))?;
    let mut rest = String::new();
    file.read_to_string(&mut rest)?;
    println!("{:?} {}", rest, file.metadata()?.len());
    fs::rename("/work/a/b/one.txt", "/work/a/two.txt")?;
    let mut names: Vec<_> = fs::read_dir("/work/a")?
        .map(|e| e.map(|e| (e.file_name().into_string().unwrap(), e.path().is_dir())))
        .collect::<io::Result<_>>()?;
    names.sort();
    println!("{:?}", names);
    println!("{:?}", fs::read_to_string("/work/none").map_err(|e| e.kind()));
    println!("{:?}", fs::remove_dir("/work/a").is_err());
    fs::remove_dir_all("/work/a")
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    println!("{:?} {:?}", arguments, variables);
    for text in ["1 2 + 3 *", "10 4 / 2.5 -", "1 +", "2 3 ?"] {
        println!("{} = {:?}", text, evaluate(text));
    }
    files()?;
    let mut counts: HashMap<String, usize> = HashMap::new();
    for line in io::stdin().lock().lines() {
        for word in line?.split(' ') {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    let sorted: BTreeMap<_, _> = counts.iter().collect();
    println!("{:#?}", sorted);
    let squares: HashSet<u64> = (0..1000).map(|i| i * i % 1009).collect();
    let reversed: String = "é\n".chars().rev().collect();
    println!("{} {:>8.3} {:#x} {:?}", squares.len(), std::f64::consts::PI, 255, reversed);
    println!("{:?} {:?}", u32::MAX.checked_add(1), (-7i32).rem_euclid(3));
    io::stdout().flush()?;
    std::process::exit(9);
}
