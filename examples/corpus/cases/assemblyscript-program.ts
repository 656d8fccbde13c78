// AssemblyScript with its WASI shim: arguments, environment, a file, the exit status.
import {
  fd_close, fd_read, fd_write, path_open, oflags, rights, lookupflags, fdflags,
} from "../node_modules/@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

const kPreopened: u32 = 3;

class Item {
  constructor(public name: string, public weight: f64) {}
}

function open(path: string, create: bool): u32 {
  const name = String.UTF8.encode(path);
  const result = memory.data(4);
  const status = path_open(
    kPreopened, lookupflags.SYMLINK_FOLLOW, changetype<usize>(name), name.byteLength,
    create ? oflags.CREAT | oflags.TRUNC : 0, rights.FD_READ | rights.FD_WRITE, 0, 0, result,
  );
  if (status != 0) return 0;
  return load<u32>(result);
}

function transfer(fd: u32, buffer: ArrayBuffer, write: bool): u32 {
  const vector = memory.data(8), done = memory.data(4);
  store<u32>(vector, changetype<usize>(buffer));
  store<u32>(vector, buffer.byteLength, 4);
  if (write) fd_write(fd, vector, 1, done);
  else fd_read(fd, vector, 1, done);
  return load<u32>(done);
}

console.log("arguments: " + process.argv.slice(1).join("|"));
console.log("level: " + (process.env.has("LEVEL") ? process.env.get("LEVEL") : "unset"));

const file = open("note.txt", true);
console.log("written: " + transfer(file, String.UTF8.encode("one two three"), true).toString());
fd_close(file);
const again = open("note.txt", false);
const buffer = new ArrayBuffer(64);
const size = transfer(again, buffer, false);
console.log("read: " + String.UTF8.decode(buffer.slice(0, size)));
console.log("missing: " + open("none.txt", false).toString());

const items = new Array<Item>();
for (let i = 0; i < 8; i++) items.push(new Item("item" + i.toString(), f64((i * 37) % 11) / 4));
items.sort((a, b) => (a.weight < b.weight ? -1 : a.weight > b.weight ? 1 : 0));
console.log(items.map<string>((i) => i.name + ":" + i.weight.toString()).join(" "));
const counts = new Map<string, i32>();
for (let i = 0; i < 100; i++) {
  const key = (i % 7).toString();
  counts.set(key, (counts.has(key) ? counts.get(key) : 0) + i);
}
console.log(counts.keys().map<string>((k) => k + "=" + counts.get(k).toString()).join(" "));
console.log(Math.sqrt(2).toString() + " " + (u64.MAX_VALUE / 3).toString());
process.exit(6);
