"""Reads and writes files below /work, which is the host's folder."""
import csv
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile

work = pathlib.Path("/work")
print(sys.argv[1:], os.environ.get("GREETING"), os.environ.get("MISSING"), sorted(os.environ))
print(sorted(p.name for p in work.iterdir()))
print((work / "input.txt").read_text(encoding="utf-8"))
with open(work / "input.txt", "rb") as file:
    file.seek(-6, os.SEEK_END)
    print(file.read(), file.tell())

with open(work / "numbers.csv", "w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows([[i, i * i, f"name, {i}"] for i in range(5)])
with open(work / "numbers.csv", newline="") as file:
    print(list(csv.reader(file)))

with open(work / "data.bin", "w+b") as file:
    file.write(bytes(range(256)) * 1000)
    file.seek(100_000)
    file.write(b"in the middle")
    file.seek(99_999)
    print(file.read(16), os.fstat(file.fileno()).st_size)
    file.truncate(1234)
print(os.stat(work / "data.bin").st_size)

(work / "deep" / "er").mkdir(parents=True)
for name in ("b", "a", "c"):
    (work / "deep" / "er" / name).write_text(name * 3)
print([(r, sorted(d), sorted(f)) for r, d, f in sorted(os.walk(work / "deep"))])
os.rename(work / "deep" / "er" / "a", work / "deep" / "moved")
os.unlink(work / "deep" / "er" / "b")
print(sorted(str(p.relative_to(work)) for p in work.rglob("*")))
shutil.copy(work / "deep" / "moved", work / "copied.txt")
shutil.rmtree(work / "deep")
with open(work / "copied.txt", "a") as file:
    print("appended", file=file)
print((work / "copied.txt").read_text().splitlines())

for path in ("/work/none", "/etc/passwd", "/work/../../etc/passwd", "/work"):
    try:
        open(path).read()
        print("opened", path)
    except OSError as error:
        inside = path.startswith("/work") and ".." not in path
        print(type(error).__name__ if inside else "refused", path)
with sqlite3.connect(":memory:") as db:
    db.execute("create table t (k integer primary key, v text)")
    db.executemany("insert into t (v) values (?)", [(w,) for w in "one two three four".split()])
    print(db.execute("select k, upper(v) from t where v like '%o%' order by v").fetchall())
print("to stderr", file=sys.stderr)
print(sys.stdin.read().split())
sys.exit(3)
