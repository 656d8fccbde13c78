// Times V8's compiler or validator on one module and prints one line of JSON:
//   node [V8 flags] compile.mjs compile|validate module.wasm
import { readFileSync } from 'node:fs';

const [what, file] = process.argv.slice(2);
const bytes = readFileSync(file);
const cpuBefore = process.cpuUsage();
const start = process.hrtime.bigint();
if (what === 'validate') {
  if (!WebAssembly.validate(bytes)) throw new Error(`${file} is not valid`);
} else {
  new WebAssembly.Module(bytes);
}
const wall = process.hrtime.bigint() - start;
const cpu = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({
  total_ns: Number(wall),
  cpu_ns: (cpu.user + cpu.system) * 1000,
  peak_kib: process.resourceUsage().maxRSS,
}));
