// The corpus program in AssemblyScript; README.md says what it does. The other languages' do the
// same. Files go through WASI's own functions: the shim covers standard streams, arguments and
// environment.
import {
  errno, fd, fd_close, fd_read, fd_write, fdflags, lookupflags, oflags, path_open, rights,
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

const DATA: fd = 3; // The first directory that the host gives.
const result = memory.data(8);
const vector = memory.data(8);

function open(path: string, flags: oflags, needed: rights): i32 {
  const name = String.UTF8.encode(path.substring("/data/".length));
  const error = path_open(
    DATA, lookupflags.SYMLINK_FOLLOW, changetype<usize>(name), name.byteLength, flags, needed, 0, 0,
    result);
  return error == errno.SUCCESS ? load<i32>(result) : -(error as i32);
}

function readAll(file: fd): string {
  const chunk = new ArrayBuffer(4096);
  let text = "";
  while (true) {
    store<usize>(vector, changetype<usize>(chunk));
    store<usize>(vector, chunk.byteLength, sizeof<usize>());
    if (fd_read(file, vector, 1, result) != errno.SUCCESS) return text;
    const count = load<i32>(result);
    if (count == 0) return text;
    text += String.UTF8.decodeUnsafe(changetype<usize>(chunk), count);
  }
}

function write(file: fd, text: string): void {
  const bytes = String.UTF8.encode(text);
  store<usize>(vector, changetype<usize>(bytes));
  store<usize>(vector, bytes.byteLength, sizeof<usize>());
  fd_write(file, vector, 1, result);
}

function fixed3(value: f64): string {
  const thousandths = Math.round(value * 1000) as i32;
  return (thousandths / 1000).toString() + "." + (thousandths % 1000).toString().padStart(3, "0");
}

const words = process.argv.slice(1);
for (let i = 0; i < words.length; i++) console.log(`argument ${i + 1}: ${words[i]}`);
const greeting = process.env.has("GREETING") ? process.env.get("GREETING") : "(none)";
console.log(`greeting: ${greeting}`);

const input = open(words[0], 0, rights.FD_READ | rights.FD_SEEK);
if (input < 0) process.exit(100);
const text = readAll(input);
fd_close(input);

const counts = new Map<string, i32>();
let found = 0;
let lines = 0;
let word = "";
for (let i = 0; i < text.length; i++) {
  const c = text.charCodeAt(i);
  if (c >= 97 && c <= 122) {
    word += text.charAt(i);
    continue;
  }
  if (c == 10) lines++;
  if (word.length > 0) {
    counts.set(word, (counts.has(word) ? counts.get(word) : 0) + 1);
    found++;
    word = "";
  }
}
console.log(`lines ${lines} words ${found} bytes ${text.length}`);

class Entry {
  constructor(public word: string, public count: i32) {}
}
const ranked: Entry[] = [];
const keys = counts.keys();
for (let i = 0; i < keys.length; i++) ranked.push(new Entry(keys[i], counts.get(keys[i])));
ranked.sort((a, b) => a.count != b.count ? b.count - a.count : a.word < b.word ? -1 : 1);
for (let i = 0; i < 3; i++) console.log(`${ranked[i].word} ${ranked[i].count}`);
console.log(`average ${fixed3((text.length as f64) / (found as f64))}`);

keys.sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
const output = open(words[1], oflags.CREAT | oflags.TRUNC, rights.FD_WRITE);
if (output < 0) process.exit(100);
for (let i = 0; i < keys.length; i++) write(output, keys[i] + "\n");
fd_close(output);

const missing = open("/data/missing.txt", 0, rights.FD_READ);
console.log(`missing: ${
  missing >= 0 ? "found" : missing == -(errno.NOENT as i32) ? "not found" : "another error"}`);

let total = 0;
const numbers = readAll(0).split("\n");
for (let i = 0; i < numbers.length; i++) {
  if (numbers[i].length > 0) total += I32.parseInt(numbers[i]) as i32;
}
console.log(`total ${total}`);
process.stderr.write(`leaving with ${words[2]}\n`);
process.exit(I32.parseInt(words[2]) as i32);
