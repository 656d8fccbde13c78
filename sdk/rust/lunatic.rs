// lunatic.rs: the ABI for Rust programs, without any crate, and enough on top of it to write the
// examples: functions as processes, messages, requests and replies. A program takes it in with
//
//   #[path = "../lunatic.rs"]
//   mod lunatic;
#![allow(dead_code)]

use std::convert::TryInto;

// The ABI itself: modules and names as the host knows them.
pub mod abi {
    #[link(wasm_import_module = "lunatic::error")]
    extern "C" {
        pub fn string_size(error: u64) -> u32;
        pub fn to_string(error: u64, text: *mut u8);
        #[link_name = "drop"]
        pub fn drop_error(error: u64);
    }

    #[link(wasm_import_module = "lunatic::message")]
    extern "C" {
        pub fn create_data(tag: i64, capacity: u64);
        pub fn write_data(data: *const u8, size: usize) -> u32;
        pub fn read_data(data: *mut u8, size: usize) -> u32;
        pub fn get_tag() -> i64;
        pub fn get_process_id() -> u64;
        pub fn data_size() -> u64;
        pub fn send(process: u64) -> u32;
        pub fn send_receive_skip_search(process: u64, tag: i64, timeout_ms: u64) -> u32;
        pub fn receive(tags: *const i64, count: usize, timeout_ms: u64) -> u32;
    }

    #[link(wasm_import_module = "lunatic::timer")]
    extern "C" {
        pub fn send_after(process: u64, delay_ms: u64) -> u64;
        pub fn cancel_timer(timer: u64) -> u32;
    }

    #[link(wasm_import_module = "lunatic::process")]
    extern "C" {
        pub fn spawn(
            link_tag: i64,
            config: i64,
            module: i64,
            function: *const u8,
            function_size: usize,
            params: *const u8,
            params_size: usize,
            id: *mut u64,
        ) -> u32;
        pub fn sleep_ms(milliseconds: u64);
        pub fn die_when_link_dies(dies: u32);
        pub fn process_id() -> u64;
        pub fn link(tag: i64, process: u64);
        pub fn unlink(process: u64);
        pub fn monitor(process: u64);
        pub fn stop_monitoring(process: u64);
        pub fn kill(process: u64);
        pub fn exists(process: u64) -> u32;
    }

    #[link(wasm_import_module = "lunatic::registry")]
    extern "C" {
        pub fn put(name: *const u8, size: usize, node: u64, process: u64);
        pub fn get(name: *const u8, size: usize, node: *mut u64, process: *mut u64) -> u32;
        pub fn remove(name: *const u8, size: usize);
    }

    #[link(wasm_import_module = "lunatic::trap")]
    extern "C" {
        pub fn catch(function: usize, pointer: usize) -> usize;
    }
}

pub const NO_TAG: i64 = 0;
pub const FOREVER: u64 = u64::MAX;
const OK: u32 = 0;
const TIMEOUT: u32 = 9027;
const SAME: i64 = -1;

pub type Pid = u64;

pub fn this() -> Pid {
    unsafe { abi::process_id() }
}

pub fn sleep(milliseconds: u64) {
    unsafe { abi::sleep_ms(milliseconds) }
}

pub fn is_alive(pid: Pid) -> bool {
    unsafe { abi::exists(pid) != 0 }
}

/// From now on the failure of a linked process is a message instead of the end.
pub fn trap_exits(traps: bool) {
    unsafe { abi::die_when_link_dies(!traps as u32) }
}

pub fn link(tag: i64, pid: Pid) {
    unsafe { abi::link(tag, pid) }
}

pub fn monitor(pid: Pid) {
    unsafe { abi::monitor(pid) }
}

pub fn stop_monitoring(pid: Pid) {
    unsafe { abi::stop_monitoring(pid) }
}

pub fn kill(pid: Pid) {
    unsafe { abi::kill(pid) }
}

// ---- Processes ----------------------------------------------------------------------------------

/// What a process starts with when it is spawned with data.
const DATA_TAG: i64 = i64::MIN;

// One exported function for all: which function of the table to call is its argument, since the
// table of the new process is the same.
#[export_name = "_lunatic_rs_spawn"]
extern "C" fn run(entry: usize, argument: i64) {
    let entry: fn(i64) = unsafe { std::mem::transmute(entry) };
    entry(argument)
}

#[export_name = "_lunatic_rs_spawn_data"]
extern "C" fn run_with_data(entry: usize) {
    let entry: fn(Reader) = unsafe { std::mem::transmute(entry) };
    unsafe { abi::receive(&DATA_TAG, 1, FOREVER) };
    entry(Reader::current())
}

fn spawn_export(link_tag: i64, name: &str, entry: usize, argument: Option<i64>) -> Option<Pid> {
    let mut params = vec![0x7f]; // i32, and then i64, each as a type and 16 bytes.
    params.extend_from_slice(&(entry as u128).to_le_bytes());
    if let Some(argument) = argument {
        params.push(0x7e);
        params.extend_from_slice(&(argument as u128).to_le_bytes());
    }
    let mut id = 0;
    let (name, params) = (name.as_bytes(), params.as_slice());
    let status = unsafe {
        abi::spawn(
            link_tag,
            SAME,
            SAME,
            name.as_ptr(),
            name.len(),
            params.as_ptr(),
            params.len(),
            &mut id,
        )
    };
    if status == OK {
        return Some(id);
    }
    unsafe { abi::drop_error(id) };
    None
}

pub fn spawn(entry: fn(i64), argument: i64) -> Pid {
    spawn_link(entry, argument, NO_TAG)
}

/// Linked with the caller, whom a failure reaches with this tag.
pub fn spawn_link(entry: fn(i64), argument: i64, link_tag: i64) -> Pid {
    spawn_export(link_tag, "_lunatic_rs_spawn", entry as usize, Some(argument)).expect("a process")
}

/// The process waits for its data: send what `data()` begins.
pub fn spawn_waiting(entry: fn(Reader), link_tag: i64) -> Pid {
    spawn_export(link_tag, "_lunatic_rs_spawn_data", entry as usize, None).expect("a process")
}

pub fn data() -> Writer {
    begin(DATA_TAG)
}

// ---- Messages -----------------------------------------------------------------------------------

/// The message that is being written.
pub struct Writer(());

pub fn begin(tag: i64) -> Writer {
    unsafe { abi::create_data(tag, 0) };
    Writer(())
}

impl Writer {
    pub fn bytes(self, bytes: &[u8]) -> Self {
        unsafe { abi::write_data(bytes.as_ptr(), bytes.len()) };
        self
    }

    pub fn int(self, value: i64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn text(self, text: &str) -> Self {
        self.int(text.len() as i64).bytes(text.as_bytes())
    }

    pub fn send(self, pid: Pid) {
        unsafe { abi::send(pid) };
    }

    pub fn send_after(self, pid: Pid, delay_ms: u64) -> Timer {
        Timer(unsafe { abi::send_after(pid, delay_ms) })
    }
}

pub struct Timer(u64);

impl Timer {
    pub fn cancel(self) -> bool {
        unsafe { abi::cancel_timer(self.0) != 0 }
    }
}

/// A message that has been received, in the order in which it was written.
pub struct Reader {
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    fn current() -> Self {
        let mut bytes = vec![0; unsafe { abi::data_size() } as usize];
        unsafe { abi::read_data(bytes.as_mut_ptr(), bytes.len()) };
        Reader { bytes, at: 0 }
    }

    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    fn take(&mut self, size: usize) -> &[u8] {
        self.at += size;
        &self.bytes[self.at - size..self.at]
    }

    pub fn int(&mut self) -> i64 {
        i64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    pub fn text(&mut self) -> String {
        let size = self.int() as usize;
        String::from_utf8_lossy(self.take(size)).into_owned()
    }
}

pub enum Received {
    Data(i64, Reader),
    LinkDied(i64),
    ProcessDied(Pid),
    Nothing,
}

fn received(kind: u32) -> Received {
    unsafe {
        match kind {
            0 => Received::Data(abi::get_tag(), Reader::current()),
            1 => Received::LinkDied(abi::get_tag()),
            2 => Received::ProcessDied(abi::get_process_id()),
            _ => Received::Nothing,
        }
    }
}

pub fn receive(timeout_ms: u64) -> Received {
    receive_tags(&[], timeout_ms)
}

/// All others stay where they are.
pub fn receive_tags(tags: &[i64], timeout_ms: u64) -> Received {
    received(unsafe { abi::receive(tags.as_ptr(), tags.len(), timeout_ms) })
}

/// The data of the next message with this tag.
pub fn receive_tag(tag: i64, timeout_ms: u64) -> Option<Reader> {
    match receive_tags(&[tag], timeout_ms) {
        Received::Data(_, reader) => Some(reader),
        _ => None,
    }
}

// ---- Requests and replies -----------------------------------------------------------------------

/// Whom to answer.
pub struct Request {
    from: Pid,
    reply_tag: i64,
}

static mut NEXT_TAG: i64 = 1 << 32;

fn fresh_tag() -> i64 {
    // Only one thread runs in an instance.
    unsafe {
        NEXT_TAG += 1;
        NEXT_TAG
    }
}

/// Sends what `write` adds to the request, and waits for the reply.
pub fn ask(
    pid: Pid,
    tag: i64,
    timeout_ms: u64,
    write: impl FnOnce(Writer) -> Writer,
) -> Option<Reader> {
    let reply_tag = fresh_tag();
    write(begin(tag).int(this() as i64).int(reply_tag));
    match unsafe { abi::send_receive_skip_search(pid, reply_tag, timeout_ms) } {
        TIMEOUT => None,
        _ => Some(Reader::current()),
    }
}

impl Request {
    pub fn read(reader: &mut Reader) -> Self {
        Request { from: reader.int() as Pid, reply_tag: reader.int() }
    }

    pub fn reply(&self, write: impl FnOnce(Writer) -> Writer) {
        write(begin(self.reply_tag)).send(self.from)
    }
}

// ---- Names --------------------------------------------------------------------------------------

pub fn register(name: &str, pid: Pid) {
    unsafe { abi::put(name.as_ptr(), name.len(), 0, pid) }
}

pub fn lookup(name: &str) -> Option<Pid> {
    let (mut node, mut pid) = (0, 0);
    let status = unsafe { abi::get(name.as_ptr(), name.len(), &mut node, &mut pid) };
    (status == OK).then(|| pid)
}

// ---- Trapping safely ----------------------------------------------------------------------------

#[export_name = "_lunatic_catch_trap"]
extern "C" fn call_caught(function: usize, argument: usize) -> usize {
    let function: fn(*mut u8) = unsafe { std::mem::transmute(function) };
    function(argument as *mut u8);
    1
}

/// False if `function` trapped; panics are traps, too.
pub fn catch<T>(function: fn(*mut T), argument: &mut T) -> bool {
    unsafe { abi::catch(function as usize, argument as *mut T as usize) != 0 }
}
