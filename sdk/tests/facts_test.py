#!/usr/bin/env python3
"""Facts about the ABI that guests can observe, checked here and, where the command `lunatic` is on
this machine, there too.

usage: facts_test.py LUNATIC_RUN [NAME...]

A fact is a program and what it prints. Some are known only from using the reference, not from any
description: for these the test is what confirms them, and docs/compatibility.md names it. Where we
differ on purpose, `reference` says what the reference prints. The variable LUNATIC may name its
binary. Prints "N passed, N failed, N skipped".
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile

IMPORTS = {
    "lunatic::message": """
      create_data (param i64 i64)
      write_data (param i32 i32) (result i32)
      read_data (param i32 i32) (result i32)
      get_tag (result i64)
      get_process_id (result i64)
      data_size (result i64)
      send (param i64) (result i32)
      send_receive_skip_search (param i64 i64 i64) (result i32)
      receive (param i32 i32 i64) (result i32)""",
    "lunatic::process": """
      spawn (param i64 i64 i64 i32 i32 i32 i32 i32) (result i32)
      sleep_ms (param i64)
      die_when_link_dies (param i32)
      process_id (result i64)
      environment_id (result i64)
      link (param i64 i64)
      unlink (param i64)
      monitor (param i64)
      kill (param i64)
      exists (param i64) (result i32)
      create_config (result i64)
      config_get_max_memory (param i64) (result i64)
      config_get_max_fuel (param i64) (result i64)
      config_set_max_fuel (param i64 i64)
      config_can_spawn_processes (param i64) (result i32)
      compile_module (param i32 i32 i32) (result i32)""",
    "lunatic::timer": """
      send_after (param i64 i64) (result i64)
      cancel_timer (param i64) (result i32)""",
    "lunatic::error": """
      string_size (param i64) (result i32)""",
    "lunatic::trap": """
      catch (param i32 i32) (result i32)""",
    "lunatic::distributed": """
      node_id (result i64)
      module_id (result i64)
      nodes_count (result i32)""",
    "lunatic::version": """
      major (result i32)
      minor (result i32)
      patch (result i32)""",
    "wasi_snapshot_preview1": """
      fd_write (param i32 i32 i32 i32) (result i32)
      fd_prestat_get (param i32 i32) (result i32)
      fd_prestat_dir_name (param i32 i32 i32) (result i32)
      args_sizes_get (param i32 i32) (result i32)
      args_get (param i32 i32) (result i32)
      proc_exit (param i32)""",
}

# $print writes a number and a newline; $spawn starts an export whose name lies at 256; its result
# is the status, and the id is at 64. `$die` traps.
PRELUDE = r"""
  (memory (export "memory") 1)
  (table (export "table") 1 funcref)
  (global $at (mut i32) (i32.const 0))
  (func $print (param $value i64) (local $negative i32)
    (global.set $at (i32.const 128))
    (i32.store8 (i32.const 128) (i32.const 10))
    (if (i64.lt_s (local.get $value) (i64.const 0)) (then
      (local.set $negative (i32.const 1))
      (local.set $value (i64.sub (i64.const 0) (local.get $value)))))
    (loop $more
      (global.set $at (i32.sub (global.get $at) (i32.const 1)))
      (i32.store8 (global.get $at)
        (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
      (br_if $more (i64.ne (i64.const 0)
        (local.tee $value (i64.div_u (local.get $value) (i64.const 10))))))
    (if (local.get $negative) (then
      (global.set $at (i32.sub (global.get $at) (i32.const 1)))
      (i32.store8 (global.get $at) (i32.const 45))))
    (call $write (global.get $at) (i32.sub (i32.const 129) (global.get $at))))
  (func $print32 (param i32) (call $print (i64.extend_i32_s (local.get 0))))
  (func $write (param i32 i32)
    (i32.store (i32.const 0) (local.get 0))
    (i32.store (i32.const 4) (local.get 1))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $spawn_link (param $tag i64) (param $size i32) (result i32)
    (call $spawn (local.get $tag) (i64.const -1) (i64.const -1) (i32.const 256) (local.get $size)
      (i32.const 0) (i32.const 0) (i32.const 64)))
  (func $child (result i64) (i64.load (i32.const 64)))
  (func $receive_any (param $timeout i64) (result i32)
    (call $receive (i32.const 0) (i32.const 0) (local.get $timeout)))
  (func $send_self (param $tag i64)
    (call $create_data (local.get $tag) (i64.const 0))
    (drop (call $send (call $process_id))))
"""


def imports(body):
    """Those that the body calls, and $fd_write."""
    text = ""
    for module, functions in IMPORTS.items():
        for line in functions.strip().splitlines():
            name, _, signature = line.strip().partition(" ")
            if name == "fd_write" or f"${name} " in body or f"${name})" in body:
                text += f'  (import "{module}" "{name}" (func ${name} {signature}))\n'
    return text


def program(body):
    code = PRELUDE + body
    return f"(module\n{imports(code)}{code})\n"


def start(body, child="", name="child"):
    return program(f'''
  (data (i32.const 256) "{name}")
  (func (export "child") {child})
  (func (export "_start") {body}))'''[:-1])


@dataclasses.dataclass
class Fact:
    name: str
    text: str
    prints: str
    reference: str | None = None    # What the reference prints, if that differs.
    arguments: tuple = ()
    options: tuple = ("--lunatic", "--lunatic-exit-status")
    status: int = 0


def loads(feature, text, *, there):
    """A module that only one of both accepts prints nothing there."""
    module = text.replace("START", '(func (export "_start") (call $hi))').replace("HI", """
      (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))""").replace("SAY", """
      (memory (export "memory") 1)
      (data (i32.const 16) "ok\\n")
      (func $hi
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 3))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))""")
    return Fact(f"feature {feature}", f"(module {module})", "ok\n", None if there else "")


FEATURES = [
    loads("mutable globals", 'HI (global (export "g") (mut i32) (i32.const 1)) SAY START', there=True),
    loads("sign extension", "HI SAY (func (drop (i32.extend8_s (i32.const 1)))) START", there=True),
    loads("saturating conversions", "HI SAY (func (drop (i32.trunc_sat_f32_s (f32.const 1)))) START",
          there=True),
    loads("vectors", "HI SAY (func (drop (i32x4.splat (i32.const 1)))) START", there=True),
    loads("multiple values", "HI SAY (func (result i32 i32) (i32.const 1) (i32.const 2)) START",
          there=True),
    loads("bulk memory", "HI SAY (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))) START",
          there=True),
    loads("reference types", "HI SAY (table 1 externref) START", there=True),
    loads("two memories", "HI SAY (memory 1) START", there=False),
    loads("two tables", "HI SAY (table 1 funcref) (table 1 funcref) START", there=False),
    loads("tail calls", "HI SAY (func $f (return_call $f)) START", there=False),
    loads("64-bit memories", "HI SAY (func (param i64) (drop (i64.add (local.get 0) (i64.const 1))))"
          ' (memory $m i64 1) START', there=False),
    loads("exceptions", "HI SAY (tag $t) START", there=False),
    loads("relaxed vectors", "HI SAY (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0)"
          " (local.get 0)))) START", there=False),
    loads("garbage collection", "HI (type $s (struct)) SAY START", there=False),
    loads("atomics", "HI SAY (func (drop (i32.atomic.load (i32.const 0)))) START", there=False),
    loads("computed constants", "HI SAY (global i32 (i32.add (i32.const 1) (i32.const 2))) START",
          there=False),
]

FACTS = [
    # 5.4: a receive that does not wait still sees what has been sent.
    Fact("zero timeout sees a message to oneself", start("""
      (call $send_self (i64.const 7))
      (call $print32 (call $receive_any (i64.const 0)))
      (call $print (call $get_tag))
      (call $print32 (call $receive_any (i64.const 0)))"""), "0\n7\n9027\n"),
    Fact("zero timeout sees a death", start("""
      (call $die_when_link_dies (i32.const 0))
      (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
      (call $sleep_ms (i64.const 30))
      (call $print32 (call $receive_any (i64.const 0)))
      (call $print (call $get_tag))""", "unreachable"), "0\n1\n5\n"),
    Fact("a tag of zero matches nothing", start("""
      (call $send_self (i64.const 0))
      (i64.store (i32.const 32) (i64.const 0))
      (call $print32 (call $receive (i32.const 32) (i32.const 1) (i64.const 20)))
      (call $print32 (call $receive_any (i64.const 0)))
      (call $print (call $get_tag))"""), "9027\n0\n0\n"),
    Fact("tags are kept whole", start("""
      (call $send_self (i64.const -9223372036854775808))
      (call $print32 (call $receive_any (i64.const 0)))
      (call $print (i64.shr_u (call $get_tag) (i64.const 1)))"""), "0\n4611686018427387904\n"),
    Fact("a request overlooks what came before", start("""
      (call $send_self (i64.const 7))
      (call $sleep_ms (i64.const 1))
      (call $create_data (i64.const 8) (i64.const 0))
      (call $print32 (call $send_receive_skip_search (call $process_id) (i64.const 7) (i64.const 20)))
      (call $create_data (i64.const 7) (i64.const 0))
      (call $print32 (call $send_receive_skip_search (call $process_id) (i64.const 7) (i64.const 20)))
      (call $print32 (call $receive_any (i64.const 0)))
      (call $print (call $get_tag))
      (call $print32 (call $receive_any (i64.const 0)))
      (call $print (call $get_tag))"""), "9027\n0\n0\n7\n0\n8\n"),
    Fact("a message for nobody is gone", start("""
      (call $create_data (i64.const 1) (i64.const 0))
      (call $print32 (call $send (i64.const 4711)))
      (call $print32 (call $receive_any (i64.const 5)))"""), "0\n9027\n"),

    # 3.2 to 3.4
    Fact("the first process is 1", start("""
      (call $print (call $process_id))
      (call $print (call $environment_id))
      (call $print32 (call $exists (i64.const 1)))
      (call $print32 (call $exists (i64.const 2)))"""), "1\n1\n1\n0\n"),
    Fact("a spawn of a missing export succeeds, and the process fails", start("""
      (call $die_when_link_dies (i32.const 0))
      (call $print32 (call $spawn_link (i64.const 5) (i32.const 4)))
      (call $print32 (call $receive_any (i64.const -1)))
      (call $print (call $get_tag))""", name="nope"), "0\n1\n5\n"),
    Fact("so does one of an export with other parameters", program("""
      (data (i32.const 256) "takes")
      (func (export "takes") (param i32))
      (func (export "_start")
        (call $die_when_link_dies (i32.const 0))
        (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
        (call $print32 (call $receive_any (i64.const -1)))
        (call $print (call $get_tag)))"""), "0\n1\n5\n"),
    Fact("and one of an export with results", program("""
      (data (i32.const 256) "gives")
      (func (export "gives") (result i32) (i32.const 1))
      (func (export "_start")
        (call $die_when_link_dies (i32.const 0))
        (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
        (call $print32 (call $receive_any (i64.const -1)))
        (call $print (call $get_tag)))"""), "0\n1\n5\n"),
    *[Fact(f"exit status {status} is a failure", start(f"""
      (call $die_when_link_dies (i32.const 0))
      (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
      (call $print32 (call $receive_any (i64.const 200)))""",
        f"(call $proc_exit (i32.const {status}))"), "0\n1\n")
      for status in (1, 125, 126, 255, 256, -1)],
    Fact("exit status 0 is a normal end", start("""
      (call $die_when_link_dies (i32.const 0))
      (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
      (call $print32 (call $receive_any (i64.const 50)))""", "(call $proc_exit (i32.const 0))"),
         "0\n9027\n"),

    # 4
    Fact("a process that kills itself ends, though it never waits", start("""
      (call $kill (call $process_id))
      (loop $again (br $again))"""), ""),
    Fact("a link to nobody is a death", start("""
      (call $die_when_link_dies (i32.const 0))
      (call $link (i64.const 9) (i64.const 4711))
      (call $print32 (call $receive_any (i64.const -1)))
      (call $print (call $get_tag))"""), "1\n9\n"),
    Fact("a monitor of nobody is silent", start("""
      (call $monitor (i64.const 4711))
      (call $print32 (call $receive_any (i64.const 20)))"""), "9027\n"),
    Fact("a link to oneself is harmless", start("""
      (call $link (i64.const 9) (call $process_id))
      (call $print32 (call $receive_any (i64.const 20)))"""), "9027\n"),
    Fact("a normal end is no death", start("""
      (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
      (call $print32 (call $receive_any (i64.const 50)))"""), "0\n9027\n"),
    Fact("link deaths come before monitors", start("""
      (call $die_when_link_dies (i32.const 0))
      (call $print32 (call $spawn_link (i64.const 5) (i32.const 5)))
      (call $monitor (call $child))
      (call $create_data (i64.const 1) (i64.const 0))
      (drop (call $send (call $child)))
      (call $print32 (call $receive_any (i64.const -1)))
      (call $print32 (call $receive_any (i64.const -1)))
      (call $print32 (i64.eq (call $get_process_id) (call $child)))""",
        "(drop (call $receive_any (i64.const -1))) unreachable"), "0\n1\n2\n1\n"),

    # 6, 7
    Fact("what a new configuration says", start("""
      (local $config i64)
      (local.set $config (call $create_config))
      (call $print (local.get $config))
      (call $print (call $config_get_max_memory (local.get $config)))
      (call $print (call $config_get_max_fuel (local.get $config)))
      (call $print32 (call $config_can_spawn_processes (local.get $config)))
      (call $print (call $create_config))"""), "0\n4294967295\n0\n0\n1\n"),
    Fact("one slice of fuel ends a loop", start("""
      (local $config i64)
      (call $die_when_link_dies (i32.const 0))
      (local.set $config (call $create_config))
      (call $config_set_max_fuel (local.get $config) (i64.const 1))
      (call $print32 (call $spawn (i64.const 5) (local.get $config) (i64.const -1) (i32.const 256)
        (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 64)))
      (call $print32 (call $receive_any (i64.const -1)))
      (call $print (call $get_tag))""", "(loop $more (br $more))"), "0\n1\n5\n"),
    Fact("a spawn that is not allowed is a trap", start("""
      (local $config i64)
      (call $die_when_link_dies (i32.const 0))
      (local.set $config (call $create_config))
      (call $print32 (call $spawn (i64.const 5) (local.get $config) (i64.const -1) (i32.const 256)
        (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 64)))
      (call $print32 (call $receive_any (i64.const -1)))
      (call $print (call $get_tag))""",
        "(drop (call $spawn_link (i64.const 0) (i32.const 5)))"), "0\n1\n5\n"),
    Fact("a memory has 65,535 pages at most", program("""
      (func (export "_start")
        (call $print32 (memory.grow (i32.const 65535)))
        (call $print32 (memory.grow (i32.const 65534)))
        (call $print32 (memory.size)))"""), "-1\n1\n65535\n"),
    Fact("a table has 99,999 elements at most", program("""
      (func (export "_start")
        (call $print32 (table.grow (ref.null func) (i32.const 99999)))
        (call $print32 (table.grow (ref.null func) (i32.const 99998)))
        (call $print32 (table.size)))"""), "-1\n1\n99999\n"),

    # 9.4, 9.10, 9.12
    Fact("bytes that are no module", start("""
      (call $print32 (call $compile_module (i32.const 256) (i32.const 5) (i32.const 64)))
      (call $print (call $child))
      (call $print32 (i32.gt_u (call $string_size (i64.const 0)) (i32.const 0)))"""), "1\n0\n1\n"),
    Fact("the version, and nothing distributed", start("""
      (call $print32 (call $major))
      (call $print32 (call $minor))
      (call $print32 (call $patch))
      (call $print (call $node_id))
      (call $print (call $module_id))
      (call $print32 (call $nodes_count))"""), "0\n13\n2\n0\n0\n0\n"),

    # 9.3
    Fact("a timer's message can be cancelled", start("""
      (local $timer i64)
      (call $create_data (i64.const 4) (i64.const 0))
      (local.set $timer (call $send_after (call $process_id) (i64.const 30)))
      (call $print (local.get $timer))
      (call $print32 (call $cancel_timer (local.get $timer)))
      (call $print32 (call $cancel_timer (local.get $timer)))
      (call $print32 (call $cancel_timer (i64.const 77)))
      (call $print32 (call $receive_any (i64.const 60)))"""), "0\n1\n0\n0\n9027\n"),

    # 10: arguments, and descriptors in the order of the directories.
    Fact("arguments", start("""
      (drop (call $args_sizes_get (i32.const 32) (i32.const 36)))
      (call $print32 (i32.load (i32.const 32)))
      (drop (call $args_get (i32.const 512) (i32.const 1024)))
      (call $write (i32.add (i32.load (i32.const 512)) (i32.const 0)) (i32.load (i32.const 36)))"""),
         "3\nfact.wasm\0one\0--two\0", arguments=("one", "--", "--two")),
    Fact("directories", start("""
      (local $fd i32)
      (local.set $fd (i32.const 3))
      (block $done (loop $more
        (br_if $done (call $fd_prestat_get (local.get $fd) (i32.const 32)))
        (drop (call $fd_prestat_dir_name (local.get $fd) (i32.const 64) (i32.load (i32.const 36))))
        (i32.store8 (i32.add (i32.const 64) (i32.load (i32.const 36))) (i32.const 10))
        (call $print32 (local.get $fd))
        (call $write (i32.const 64) (i32.add (i32.load (i32.const 36)) (i32.const 1)))
        (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
        (br $more)))"""), "3\n.\n4\nb\n5\na\n", arguments=("--dir", "b", "--dir", "a")),
    Fact("the module's start function runs first", program("""
      (func $first (call $print32 (i32.const 1)))
      (start $first)
      (func (export "_start") (call $print32 (i32.const 2)))"""), "1\n2\n"),
    Fact("status of a program without _start", '(module (func (export "other")))', ""),
    Fact("status of a program that cannot be compiled", "(module (func (result i32)))", "", status=1),
    Fact("status of a program that needs what nobody has",
         '(module (import "env" "f" (func)) (func (export "_start")))', "", status=1),
]

WASI = """args_get/2 args_sizes_get/2 clock_res_get/2 clock_time_get:iIi environ_get/2
  environ_sizes_get/2 fd_advise:iIIi fd_allocate:iII fd_close/1 fd_datasync/1 fd_fdstat_get/2
  fd_fdstat_set_flags/2 fd_fdstat_set_rights:iII fd_filestat_get/2 fd_filestat_set_size:iI
  fd_filestat_set_times:iIIi fd_pread:iiiIi fd_prestat_dir_name/3 fd_prestat_get/2 fd_pwrite:iiiIi
  fd_read/4 fd_readdir:iiiIi fd_renumber/2 fd_seek:iIii fd_sync/1 fd_tell/2 fd_write/4
  path_create_directory/3 path_filestat_get/5 path_filestat_set_times:iiiiIIi path_link/7
  path_open:iiiiiIIii path_readlink/6 path_remove_directory/3 path_rename/6 path_symlink/5
  path_unlink_file/3 poll_oneoff/4 proc_raise/1 random_get/2 sched_yield/0 sock_accept/3 sock_recv/6
  sock_send/5 sock_shutdown/2""".split()


def wasi_fact():
    lines = []
    for word in WASI:
        name, _, count = word.partition("/")
        name, _, kinds = name.partition(":")
        kinds = kinds or "i" * int(count)
        types = " ".join({"i": "i32", "I": "i64"}[kind] for kind in kinds)
        lines.append(f'(import "wasi_snapshot_preview1" "{name}" '
                     f"(func ${name} (param {types}) (result i32)))")
    text = "\n".join(lines) + """
      (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "all 46\\n")
      (func (export "_start")
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 7))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""
    return Fact("the functions of WASI", f"(module {text})", "all 46\n")


def run(command):
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "still running", None, ""
    return done.stdout.decode(errors="replace"), done.returncode, done.stderr.decode(errors="replace")


def check(fact, binary, reference):
    """What is wrong, or None."""
    with open("fact.wat", "w", encoding="utf-8") as file:
        file.write(fact.text)
    made = subprocess.run([binary, "wat", "fact.wat", "-o", "fact.wasm"],
                          capture_output=True, check=False, text=True)
    if made.returncode != 0 and fact.status == 0:
        return made.stderr
    runs = [(fact.prints, [binary, *fact.options, "fact.wasm", *fact.arguments])]
    if reference:
        there = fact.prints if fact.reference is None else fact.reference
        runs.append((there, [reference, "run", "fact.wasm", *fact.arguments]))
    for expected, command in runs:
        out, *rest = run(command)
        if out != expected:
            return f"{command[0]} prints {out!r}, expected {expected!r}\n{rest}"
        if fact.reference is None and rest[0] != fact.status:
            return f"{command[0]}: status {rest[0]}, expected {fact.status}\n{rest[1]}"
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = os.path.abspath(sys.argv[1])
    reference = os.environ.get("LUNATIC") or shutil.which("lunatic")
    if not reference:
        print("no lunatic on this machine: facts are checked here alone")
    facts = [fact for fact in [*FEATURES, *FACTS, wasi_fact()]
             if not sys.argv[2:] or any(word in fact.name for word in sys.argv[2:])]
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        os.mkdir("a")
        os.mkdir("b")
        for fact in facts:
            if wrong := check(fact, binary, reference):
                failed += 1
                print(f"FAILED: {fact.name}: {wrong}")
        os.chdir("/")
    print(f"{len(facts) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()
