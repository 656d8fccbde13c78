// node gc.mjs MODULE N: what `measure` of a module of bench/gc says, five times, then `run`.
import { readFileSync } from 'node:fs';

const [file, n] = process.argv.slice(2);
let memory;
const wasi_snapshot_preview1 = {
  clock_time_get(_id, _precision, at) {
    new DataView(memory.buffer).setBigUint64(at, process.hrtime.bigint(), true);
    return 0;
  },
};
const { instance } = await WebAssembly.instantiate(readFileSync(file), { wasi_snapshot_preview1 });
memory = instance.exports.memory;
for (let i = 0; i < 5; i++) console.log(String(instance.exports.measure(Number(n))));
console.log(instance.exports.run(Number(n)) | 0);
