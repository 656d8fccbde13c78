"""JSON in both directions, with the text and number forms that go wrong easily."""
import hashlib
import json
import zlib

value = {
    "text": 'quotes " and \\ and \n and \u00e9 \u20ac \U0001f600',
    "numbers": [0, -1, 1.5, 1e100, -0.0, 12345678901234567890, 3.0],
    "nested": {"list": [[], [[]], {}], "none": None, "true": True, "false": False},
    "keys": {str(i): i * i for i in range(20)},
}
text = json.dumps(value)
print(text)
print(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))
print(json.loads(text) == value, json.loads(' [1 , 2.5e3, "\\u0041\\ud83d\\ude00", true] '))
for bad in ("[1,]", '{"a" 1}', '"open', "nul", "[1] 2", '{"a": 1, }', "\"\x01\""):
    try:
        print(json.loads(bad))
    except json.JSONDecodeError as error:
        print(error)
items = [{"id": i, "name": f"item {i}", "tags": ["a", "b", str(i % 7)]} for i in range(5000)]
large = json.dumps(items)
back = json.loads(large)
print(len(large), len(back), back[4321], hashlib.sha256(large.encode()).hexdigest())
packed = zlib.compress(large.encode(), 9)
print(zlib.crc32(large.encode()), zlib.decompress(packed).decode() == large)
print(hashlib.md5(packed[:0]).hexdigest(), hashlib.blake2b(b"abc", digest_size=16).hexdigest())
