"""Integers, floats, decimals and fractions, and the classes around them."""
import cmath
import dataclasses
import decimal
import fractions
import functools
import itertools
import math
import statistics

print(7 // -2, 7 % -2, -7 // 2, divmod(-7, 3), pow(3, -1, 11), 2**200)
print(math.factorial(60), math.comb(80, 40), math.isqrt(10**40 + 1), math.gcd(2**90, 6**40))
print(0.1 + 0.2, 1e308 * 10, -1e308 * 10, 5e-324, 1 / 3, round(2.675, 2), round(-2.5), 1e16 + 1)
print(math.sin(1), math.exp(0.5), math.log(10), math.sqrt(2), math.atan2(-1, -2), math.pi)
print(math.inf - math.inf, float("nan") == float("nan"), math.copysign(1, -0.0))
print(math.fsum([0.1] * 10))
print((3 + 4j) * (1 - 2j), abs(3 + 4j), cmath.sqrt(-1), cmath.exp(1j * cmath.pi).real)
print("%.17g %e %x %o %r" % (math.e, 123456.789, 255, 8, 1e100))
print(f"{1234567.891:,.2f} {-42:08b} {0.5:%}")
print((1.5).hex(), float.fromhex("0x1.8p3"))
print((255).to_bytes(4, "little"), int.from_bytes(b"\xff\x00", "big"))
decimal.getcontext().prec = 40
print(decimal.Decimal(1) / decimal.Decimal(7), decimal.Decimal("1.10") + decimal.Decimal("2.205"))
print(fractions.Fraction(3, 7) + fractions.Fraction(2, 21), fractions.Fraction(0.125))
print(statistics.mean([1, 2, 3.5]), statistics.median([5, 1, 3]), statistics.stdev([2, 4, 4, 5]))


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)


@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def primes():
    seen = []
    for n in itertools.count(2):
        if all(n % p for p in itertools.takewhile(lambda p: p * p <= n, seen)):
            seen.append(n)
            yield n


print(sum([Point(1, 2), Point(3, 4)], Point(0, 0)), max(Point(1, 5), Point(2, 0)), fibonacci(30))
print(list(itertools.islice(primes(), 25)), sum(itertools.islice(primes(), 2000)))
total = 0
for i in range(300000):
    total = (total * 31 + i ^ (total >> 7)) & 0xFFFFFFFF
print(total)
try:
    1 // 0
except ZeroDivisionError as error:
    print(type(error).__name__, error)
