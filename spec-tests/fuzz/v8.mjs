// What V8 makes of the same modules:
//
//   fuzz --seed 7 --count 100000 --record | node v8.mjs
//
// Each record is the module's number, its bytes and the text of our outcome. V8 says less about
// some traps than we do; both texts are brought to what both say.

import fs from 'node:fs';

const TRAPS = [
  [/unreachable/, 'unreachable'],
  // An address may be both; which of the two is told first is nobody's rule.
  [/memory access out of bounds|out of bounds memory access|data segment out of bounds|unaligned/,
   'memory'],
  [/table index is out of bounds|element segment out of bounds|table access|undefined element/,
   'table'],
  [/null function or function signature|function signature mismatch|uninitialized element|indirect call type/, 'signature'],
  [/divide by zero|remainder by zero/, 'zero'],
  [/unrepresentable|integer overflow|invalid conversion/, 'overflow'],
  [/call stack/i, 'stack'],
  [/null pointer|null value|null (\w+ )?reference/, 'null'],
  [/illegal cast|cast failure/, 'cast'],
  [/array.*out of bounds|out of bounds array|array is too large/, 'array'],
  [/unhandled exception|WebAssembly\.Exception/, 'exception'],
];

const plainTrap = (text) => TRAPS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
const plain = (text) => text.replace(/trap: (.*)/g, (_, trap) => `trap: ${plainTrap(trap)}`);

const ROUNDS = 3;
const FUEL = 60;

const words = new DataView(new ArrayBuffer(8));
function f32Bits(value) {
  if (Number.isNaN(value)) return 0x7fc00000n;
  words.setFloat32(0, value);
  return BigInt(words.getUint32(0));
}
function f64Bits(value) {
  if (Number.isNaN(value)) return 0x7ff8000000000000n;
  words.setFloat64(0, value);
  return words.getBigUint64(0);
}
function f32Of(bits) {
  words.setUint32(0, Number(bits));
  return words.getFloat32(0);
}
function f64Of(bits) {
  words.setBigUint64(0, bits);
  return words.getFloat64(0);
}

// The same as argument() in constants.cc.
const ARGUMENTS = {
  i32: [0, 1, 0xffffffff, 7, 0x80000000, 65532, 16, 0x7fffffff, 3, 0xfff0, 100, 31, 65536,
        0x12345678, 2, 0xfffffffe].map((x) => x | 0),
  i64: [1n, 0n, -1n, -0x8000000000000000n, 0x100000000n, 5n, 0x7fffffffn, 0xffffffffn, 64n,
        0x7fffffffffffffffn, 0x0123456789abcdefn, 10n, 255n, 65535n, 3n, -0x80000000n],
  f32: [0, 0x3f800000, 0x3f000000, 0x3fc00000, 0x40000000, 0x4f000000, 0x4effffff, 0x4f800000,
        0x4f7fffff, 0x5f000000, 0x5effffff, 0x5f800000, 0x5f7fffff, 1, 0x007fffff,
        0x00800000].map(f32Of),
  f64: [0n, 0x3ff0000000000000n, 0x3fe0000000000000n, 0x3ff8000000000000n, 0x4000000000000000n,
        0x41e0000000000000n, 0x41dfffffffc00000n, 0x41e00000001fffffn, 0x41f0000000000000n,
        0x41efffffffe00000n, 0x43e0000000000000n, 0x43dfffffffffffffn, 0x43f0000000000000n,
        0x43efffffffffffffn, 1n, 0x000fffffffffffffn].map(f64Of),
};

const hex = (bits) => `0x${bits.toString(16)}`;

// The types of the functions that the module exports as f0, f1, ... V8 does not tell them.
function exportedTypes(bytes) {
  let at = 8;
  const uleb = () => {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skipName = () => { const size = uleb(); at += size; };
  const KINDS = {0x7f: 'i32', 0x7e: 'i64', 0x7d: 'f32', 0x7c: 'f64'};
  const valueType = () => {
    const byte = bytes[at++];
    if (byte === 0x63 || byte === 0x64) uleb();
    return KINDS[byte] ?? 'other';
  };
  const types = [];
  const functionType = () => {
    let form = bytes[at++];
    if (form === 0x50 || form === 0x4f) {
      for (let supers = uleb(); supers > 0; supers--) uleb();
      form = bytes[at++];
    }
    const list = () => Array.from({length: uleb()}, valueType);
    if (form === 0x60) return types.push({params: list(), results: list()});
    const fields = form === 0x5f ? uleb() : 1;
    for (let i = 0; i < fields; i++) { valueType(); at++; }
    types.push(null);
  };
  const functions = [];
  const found = [];
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = uleb();
    const end = at + size;
    if (id === 1) {
      for (let groups = uleb(); groups > 0; groups--) {
        if (bytes[at] === 0x4e) {
          at++;
          for (let count = uleb(); count > 0; count--) functionType();
        } else {
          functionType();
        }
      }
    } else if (id === 2) {
      for (let count = uleb(); count > 0; count--) {
        skipName();
        skipName();
        at++;
        functions.push(uleb());
      }
    } else if (id === 3) {
      for (let count = uleb(); count > 0; count--) functions.push(uleb());
    } else if (id === 7) {
      for (let count = uleb(); count > 0; count--) {
        const length = uleb();
        const name = bytes.toString('latin1', at, at + length);
        at += length;
        const kind = bytes[at++];
        const index = uleb();
        if (kind === 0 && name[0] === 'f') found[Number(name.slice(1))] = types[functions[index]];
      }
    }
    at = end;
  }
  return found;
}

function hashOf(buffer) {
  const data = new Uint32Array(buffer);
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < data.length; i++) {
    hash = Math.imul(hash ^ data[i], 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function textOfResult(type, value) {
  if (type === 'i32') return hex(value >>> 0);
  if (type === 'i64') return hex(BigInt.asUintN(64, value));
  return hex(type === 'f32' ? f32Bits(value) : f64Bits(value));
}

function run(bytes) {
  let log = 0n;
  const add = (hash) => { log = BigInt.asUintN(64, log * 1000003n + hash); };
  const host = {
    mix: (a, b, c, d) => {
      let hash = BigInt.asUintN(64, BigInt(a >>> 0) * 31n + b) ^ f64Bits(c);
      hash = BigInt.asUintN(64, hash + (f32Bits(d) << 7n));
      add(hash);
      return hash;
    },
    tick: () => add(1n),
  };
  let instance;
  try {
    instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {host});
  } catch (error) {
    return `refused: ${error.message}\n`;
  }
  const {exports} = instance;
  const types = exportedTypes(bytes);
  let text = '';
  for (let f = 0; f < types.length; f++) {
    for (let round = 0; round < ROUNDS; round++) {
      exports.fuel.value = FUEL;
      const args = types[f].params.map((type, i) => ARGUMENTS[type][(round * 5 + i + f) % 16]);
      try {
        const result = exports[`f${f}`](...args);
        const results = types[f].results;
        const values = results.length === 0 ? [] : results.length === 1 ? [result] : [...result];
        text += `f${f} returns${values.map((v, i) => ` ${textOfResult(results[i], v)}`).join('')}\n`;
      } catch (error) {
        const what = error instanceof WebAssembly.Exception ? 'unhandled exception' : error.message;
        text += `f${f} trap: ${what}\n`;
      }
    }
  }
  for (let i = 0; exports[`m${i}`] !== undefined; i++) {
    const {buffer} = exports[`m${i}`];
    text += `memory ${i} pages ${buffer.byteLength / 65536} hash ${hex(hashOf(buffer))}\n`;
  }
  for (let i = 0; exports[`t${i}`] !== undefined; i++) {
    const table = exports[`t${i}`];
    text += `table ${i}`;
    const big = typeof table.length === 'bigint';
    for (let k = 0; k < table.length; k++) {
      let element = 'ref';
      try {
        element = table.get(big ? BigInt(k) : k) === null ? 'null' : 'ref';
      } catch { /* Of a type that has no JavaScript value. */ }
      text += ` ${element}`;
    }
    text += '\n';
  }
  return `${text}host ${hex(log)}\n`;
}

// Instructions with two true traps, of which V8 looks for the other first: array.copy of null to a
// place out of bounds, and array.init_elem beyond the ends of both the array and the segment.
const TWO_TRAPS = [
  {opcode: Buffer.from([0xfb, 0x11]), traps: /trap: (null|array)$/gm},
  {opcode: Buffer.from([0xfb, 0x13]), traps: /trap: (array|table)$/gm},
];
function eitherTrap(bytes, text) {
  const may = TWO_TRAPS.filter(({opcode}) => bytes.includes(opcode));
  return may.reduce((said, {traps}) => said.replace(traps, 'trap: either'), text);
}

function firstDifference(ours, theirs) {
  const a = ours.split('\n');
  const b = theirs.split('\n');
  const i = a.findIndex((line, k) => line !== b[k]);
  return `we say '${a[i]}', V8 says '${b[i]}'`;
}

let pending = Buffer.alloc(0);
let modules = 0;
let different = 0;
const input = fs.openSync('/dev/stdin', 'r');
const chunk = Buffer.alloc(1 << 20);
for (let size; (size = fs.readSync(input, chunk)) > 0;) {
  pending = Buffer.concat([pending, chunk.subarray(0, size)]);
  let at = 0;
  while (pending.length - at >= 16) {
    const bytesSize = pending.readUInt32LE(at + 8);
    const textSize = pending.readUInt32LE(at + 12);
    if (pending.length - at < 16 + bytesSize + textSize) break;
    const number = pending.readBigUInt64LE(at);
    const bytes = pending.subarray(at + 16, at + 16 + bytesSize);
    const text = pending.toString('latin1', at + 16 + bytesSize, at + 16 + bytesSize + textSize);
    at += 16 + bytesSize + textSize;
    modules++;
    const common = (said) => eitherTrap(bytes, plain(said));
    const ours = common(text);
    const theirs = common(run(Buffer.from(bytes)));
    if (ours !== theirs) {
      different++;
      console.log(`${number}: ${firstDifference(ours, theirs)}`);
    }
  }
  pending = Buffer.from(pending.subarray(at));
}
console.log(`${modules} modules, ${different} different, V8 ${process.versions.v8}`);
process.exitCode = different === 0 ? 0 : 1;
