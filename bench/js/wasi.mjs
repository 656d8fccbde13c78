// Runs a WASI command under node's V8:
//   node [V8 flags] wasi.mjs [--dir HOST::GUEST] [--env K=V] [--argv0 NAME] program.wasm [arguments...]
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { WASI } from 'node:wasi';

const words = process.argv.slice(2);
const preopens = {};
const env = {};
let name;
while (words.length > 0 && words[0].startsWith('--')) {
  const [option, value] = words.splice(0, 2);
  if (option === '--dir') {
    const [host, guest = host] = value.split('::');
    preopens[guest] = host;
  } else if (option === '--env') {
    const at = value.indexOf('=');
    env[value.slice(0, at)] = value.slice(at + 1);
  } else if (option === '--argv0') {
    name = value;
  } else {
    throw new Error(`unknown option ${option}`);
  }
}
const [file, ...rest] = words;
const args = [name ?? basename(file), ...rest];
const wasi = new WASI({ version: 'preview1', args, env, preopens, returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(file));
process.exitCode = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
