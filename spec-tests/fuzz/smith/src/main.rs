//! Writes modules made by wasm-smith, the generator of `wasm-tools smith`, as files for
//! `fuzz --deterministic --modules DIR`: smith DIR COUNT [SEED [FIRST]]. The same numbers make the
//! same modules.

use std::{env, fs, path::PathBuf, process};

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

const CHOICES_MAX: usize = 6000; // Bytes that decide what a module is.
const FUEL: u32 = 1000; // Of a module in its whole life.

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let count = 500 + self.next() as usize % (CHOICES_MAX - 500);
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// All that the interpreter can judge: no imports, no threads, bounded memory. NaNs and relaxed
/// instructions have one answer in the deterministic profile.
fn config() -> Config {
    Config {
        max_imports: 0,
        export_everything: true,
        threads_enabled: false,
        custom_page_sizes_enabled: true,
        compact_imports_enabled: false,
        limit_arrays_in_const_exprs: true,
        max_memories: 3,
        max_memory32_bytes: 256 * 1024,
        max_memory64_bytes: 256 * 1024,
        memory_max_size_required: true,
        max_tables: 3,
        max_table_elements: 100,
        table_max_size_required: true,
        min_funcs: 2,
        max_funcs: 12,
        ..Config::default()
    }
}

fn module(number: u64) -> Option<Vec<u8>> {
    let bytes = Random(number).bytes();
    let mut module = Module::new(config(), &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default: u64| match args.get(at) {
        Some(text) => text.parse().expect("a number"),
        None => default,
    };
    let Some(dir) = args.first().map(PathBuf::from) else {
        eprintln!("usage: smith DIR COUNT [SEED [FIRST]]");
        process::exit(2);
    };
    let (count, seed, first) = (number(1, 1000), number(2, 1), number(3, 0));
    let mut made = 0;
    for i in first..first + count {
        if let Some(bytes) = module(seed.wrapping_mul(1_000_000_007).wrapping_add(i)) {
            fs::write(dir.join(format!("{i:08}.wasm")), bytes).expect("a module's file");
            made += 1;
        }
    }
    println!("{made} of {count} modules made");
}
