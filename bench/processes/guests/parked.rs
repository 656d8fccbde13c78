// parked.rs: what parked.c does, as a program of rustc with its standard library and its shadow stack
// of 1 MiB. Built by /usr/bin/rustc --target wasm32-wasi.
use std::env;
use std::io::{self, BufRead};
use std::time::Instant;

mod message {
    #[link(wasm_import_module = "lunatic::message")]
    extern "C" {
        pub fn create_data(tag: i64, capacity: u64);
        pub fn write_data(data: *const u8, size: usize) -> usize;
        pub fn read_data(data: *mut u8, size: usize) -> usize;
        pub fn send(process: u64) -> u32;
        pub fn receive(tags: *const i64, count: usize, timeout_ms: u64) -> u32;
    }
}

mod process {
    #[link(wasm_import_module = "lunatic::process")]
    extern "C" {
        pub fn process_id() -> u64;
        pub fn spawn(
            link: i64,
            config: i64,
            module: i64,
            entry: *const u8,
            entry_size: usize,
            params: *const u8,
            params_size: usize,
            id: *mut u64,
        ) -> u32;
    }
}

static mut REMEMBERED: u64 = 0;

fn send(to: u64, numbers: &[u64]) {
    unsafe {
        message::create_data(0, 8 * numbers.len() as u64);
        for number in numbers {
            message::write_data(number.to_le_bytes().as_ptr(), 8);
        }
        message::send(to);
    }
}

fn receive() -> u64 {
    assert_eq!(
        unsafe { message::receive(std::ptr::null(), 0, u64::MAX) },
        0
    );
    next()
}

fn next() -> u64 {
    let mut bytes = [0; 8];
    assert_eq!(unsafe { message::read_data(bytes.as_mut_ptr(), 8) }, 8);
    u64::from_le_bytes(bytes)
}

fn spawn(entry: &str, numbers: [u64; 2]) -> u64 {
    const TYPE_I64: u8 = 0x7e;
    let mut params = Vec::with_capacity(34);
    for number in numbers {
        params.push(TYPE_I64);
        params.extend_from_slice(&u128::from(number).to_le_bytes());
    }
    let mut id = 0;
    let status = unsafe {
        let (name, list) = (entry.as_bytes(), &params);
        process::spawn(
            0,
            -1,
            -1,
            name.as_ptr(),
            name.len(),
            list.as_ptr(),
            list.len(),
            &mut id,
        )
    };
    assert_eq!(status, 0);
    id
}

#[no_mangle]
pub extern "C" fn member(parent: u64, number: u64) {
    unsafe { std::ptr::write_volatile(std::ptr::addr_of_mut!(REMEMBERED), number) };
    send(parent, &[number]);
    loop {
        let asked_by = receive();
        let remembered = unsafe { std::ptr::read_volatile(std::ptr::addr_of!(REMEMBERED)) };
        send(asked_by, &[remembered, number]);
    }
}

fn pause_at(place: &str) {
    println!("{{\"at\":\"{}\"}}", place);
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .expect("standard input");
}

fn main() {
    let count: u64 = env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    let this = unsafe { process::process_id() };
    pause_at("start");
    let start = Instant::now();
    let members: Vec<u64> = (0..count)
        .map(|number| spawn("member", [this, number]))
        .collect();
    for _ in &members {
        receive();
    }
    let took = start.elapsed();
    pause_at("parked");
    for (number, member) in members.iter().enumerate() {
        send(*member, &[this]);
        assert_eq!(receive(), number as u64);
        assert_eq!(next(), number as u64);
    }
    println!("{{\"ns\":[{:.3}]}}", took.as_nanos() as f64 / count as f64);
}
