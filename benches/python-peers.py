#!/usr/bin/env python3
"""Reads the benches' logs with this workspace's programs and with Python's parsers.

Usage: benches/python-peers.py [MB of each log, default 100]

Whole commands, by the processor time they take (start included, best of three),
as ratios to ours. All that pick the same fields must pick the same: the number
of events and the bytes of their texts. PyPI's `evtx` (Rust) and `libevtx-python`
(C) are installed into target/python-peers. Unix only.
"""

import os
import pathlib
import resource
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PACKAGES = ["evtx", "libevtx-python"]

# Each prints "EVENTS events, BYTES bytes": the texts' bytes in UTF-8.
PICK = {
    "ordinary": "lambda data: data['Data'] if isinstance(data['Data'], str) else data['Data']['#text']",
    "manifest": "lambda data: data['SubjectUserName']",
}
JSON_PICK = """
import evtx, json, sys
pick = {pick}
events = size = 0
for record in evtx.PyEvtxParser(sys.argv[1], number_of_threads=1).records_json():
    event = json.loads(record["data"])["Event"]
    system = event["System"]
    seen = system["EventID"], system["TimeCreated"], system["Computer"]
    size += len(pick(event["EventData"]).encode("utf-8", "surrogatepass"))
    events += 1
print(f"{{events}} events, {{size}} bytes")
"""
JSON = """
import evtx, sys
for record in evtx.PyEvtxParser(sys.argv[1], number_of_threads=1).records_json():
    pass
"""
LIBEVTX_PICK = """
import pyevtx, sys
log = pyevtx.open(sys.argv[1])
events = size = 0
for number in range(log.get_number_of_records()):
    record = log.get_record(number)
    seen = record.get_event_identifier(), record.get_written_time(), record.get_computer_name()
    size += len(record.get_string({position}).encode("utf-8", "surrogatepass"))
    events += 1
print(f"{{events}} events, {{size}} bytes")
"""


def measure(command):
    """Processor seconds of the fastest of three runs, and what it printed."""
    best, printed = None, ""
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = spent if best is None else min(best, spent)
    return best, printed.strip()


def to_nowhere(command):
    return ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", *map(str, command)]


def main():
    size = sys.argv[1] if len(sys.argv) > 1 else "100"
    os.chdir(ROOT)
    build = ["cargo", "build", "-q", "--release", "-p", "hybrid-benches", "--bin", "workload"]
    subprocess.run(build, check=True)
    build = ["cargo", "build", "-q", "--release", "-p", "hybrid-examples", "--example", "dump_log"]
    subprocess.run(build, check=True)
    workload, dump_log = TARGET / "release/workload", TARGET / "release/examples/dump_log"
    environment = TARGET / "python-peers"
    python = environment / "bin/python"
    if not python.exists():
        venv.create(environment, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze"],
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    print(", ".join(line for line in listed.split() if line.split("==")[0] in PACKAGES), "\n")

    print("| whole command, times ours | ordinary | manifest |\n|---|---:|---:|")
    rows = {}
    for log, position in [("ordinary", 0), ("manifest", 1)]:
        made = subprocess.run([workload, "make", log, f"mb={size}"], check=True, stdout=subprocess.PIPE, text=True)
        path = made.stdout.strip()
        ours, printed = measure([workload, "pick", log, f"mb={size}"])
        found = printed.partition(": ")[2]
        for name, script in [
            ("fields picked by `evtx` + `json.loads`", JSON_PICK.format(pick=PICK[log])),
            ("fields picked by `libevtx-python`", LIBEVTX_PICK.format(position=position)),
        ]:
            theirs, printed = measure([python, "-c", script, path])
            if printed != found:
                sys.exit(f"{name} finds {printed}, we find {found}")
            rows.setdefault(name, []).append(theirs / ours)
        ours, _ = measure(to_nowhere([dump_log, path, "--format", "ndjson"]))
        theirs, _ = measure([python, "-c", JSON, path])
        rows.setdefault("all records as JSON by `evtx` (ours: `dump_log` to /dev/null)", []).append(theirs / ours)
    for name, ratios in rows.items():
        print(f"| {name} | " + " | ".join(f"{ratio:.1f}" for ratio in ratios) + " |")


main()
