// QuickJS: classes, generators, closures, regular expressions, JSON, big integers, files.
import * as std from 'std';
import * as os from 'os';

class Shape {
  #name;
  constructor(name) { this.#name = name; }
  get name() { return this.#name; }
  area() { return 0; }
  toString() { return `${this.name}: ${this.area().toFixed(3)}`; }
}
class Circle extends Shape {
  constructor(radius) { super('circle'); this.radius = radius; }
  area() { return Math.PI * this.radius ** 2; }
}
class Square extends Shape {
  constructor(side) { super('square'); this.side = side; }
  area() { return this.side ** 2; }
}
print([new Circle(1), new Square(1.5)].map(String).join(', '));

function* primes() {
  const found = [];
  for (let n = 2; ; n++) {
    if (found.every((p) => n % p !== 0)) {
      found.push(n);
      yield n;
    }
  }
}
const first = [];
for (const p of primes()) {
  if (first.length === 15) break;
  first.push(p);
}
print(first, first.reduce((a, b) => a + b));
print(2n ** 128n, -7n / 2n, 0.1 + 0.2, 1 / 3, (255).toString(16), parseFloat('1e-7'));
print(JSON.stringify({ a: [1, null, 'é\n'], b: { c: undefined, d: true } }, null, 1));
print('2024-05-06'.replace(/(\d+)-(\d+)-(\d+)/, '$3.$2.$1'), 'a1b22'.match(/\d+/g));
const { x, ...others } = { x: 1, y: 2, z: 3 };
print(x, Object.entries(others), [...'añb'].reverse().join(''), new Set([1, 1, 2]).size);
try {
  null.field;
} catch (error) {
  print(error instanceof TypeError, error.message);
}
const file = std.open('/work/js.txt', 'w');
file.puts('one\ntwo\n');
file.close();
print(std.loadFile('/work/js.txt').split('\n').length, std.loadFile('/work/none'));
print(os.stat('/work/none')[1] !== 0, scriptArgs.slice(1), std.getenv('LEVEL'));
let sum = 0;
for (let i = 0; i < 200000; i++) sum = (sum * 31 + i) % 1000003;
print(sum);
Promise.resolve(5).then((v) => print('later', v)).then(() => std.exit(8));
print('now');
