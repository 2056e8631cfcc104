#!/usr/bin/env python3
"""Prints what `cargo bench --bench evtx --features peers` measured, as ratios in Markdown.

Usage: benches/ratios.py [DIRECTORY, by default target/criterion]

No times: they say little about another machine. Every ratio is of two rows of
one log in one run; rows of another run (older than the newest by more than 20
minutes, or of a log of another size) are left out.
"""

import json
import pathlib
import sys

LOGS = ["ordinary", "maximum", "manifest"]
# What, slower row, faster row, goals by log. A goal is at least, or at most with "<".
RATIOS = [
    ("picked fields, beside `records_json_value`", "evtx_json_value_pick", "pick", {"ordinary": "8"}),
    ("picked fields, beside `template_instances`", "evtx_instances_pick", "pick",
     {"ordinary": "2.6", "manifest": "8"}),
    ("picked fields, beside `serialized_records`", "evtx_serialized_pick", "pick",
     {"ordinary": "2.6", "manifest": "8"}),
    ("whole event, beside `records_json`", "evtx_json", "whole", {}),
    ("typed request, beside `serde_json::Value`", "evtx_json_value_request", "request", {"ordinary": "8"}),
    ("rejecting by event id, over the floor", "reject_by_id", "floor", {"ordinary": "<1.5"}),
    ("rejecting by provider, over the floor", "reject_by_provider", "floor", {"ordinary": "<1.5"}),
]
ROWS = [
    "floor", "floor_crc", "reject_by_id", "reject_by_provider", "pick", "whole", "request", "activities",
    "evtx_instances_pick", "evtx_serialized_pick", "evtx_json", "evtx_json_value_pick", "evtx_json_value_request",
]


def measured(directory):
    """Times by log and row, of the last run: of the fastest sample, which the machine disturbed least."""
    found = {}
    for file in directory.glob("**/new/benchmark.json"):
        row = json.loads(file.read_text())
        group, _, log = row["group_id"].partition("/")
        if group == "evtx" and log in LOGS:
            file = file.with_name("sample.json")
            sample = json.loads(file.read_text())
            fastest = min(time / iterations for time, iterations in zip(sample["times"], sample["iters"]))
            found[log, row["function_id"]] = fastest, file.stat().st_mtime, row["throughput"]["Bytes"]
    newest, size = {}, {}
    for (log, _), (_, time, log_size) in found.items():
        if time > newest.get(log, 0):
            newest[log], size[log] = time, log_size
    last = max(newest.values(), default=0)
    old = sorted(
        key for key, (_, time, log_size) in found.items()
        if time < last - 20 * 60 or log_size != size[key[0]]
    )
    if old:
        print("left out, of an older run:", ", ".join("/".join(key) for key in old), file=sys.stderr)
    return {key: fastest for key, (fastest, *_) in found.items() if key not in old}


def table(heading, rows):
    print(f"| {heading} | " + " | ".join(LOGS) + " |")
    print("|---|" + "---:|" * len(LOGS))
    for name, cells in rows:
        if any(cells):
            print(f"| {name} | " + " | ".join(cell or "-" for cell in cells) + " |")


def shown(ratio, goal):
    if not goal:
        return f"{ratio:.2f}"
    met = ratio <= float(goal[1:]) if goal.startswith("<") else ratio >= float(goal)
    words = f"at most {goal[1:]}" if goal.startswith("<") else f"at least {goal}"
    return f"**{ratio:.2f}** ({words}{'' if met else ': not reached'})"


def main():
    times = measured(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/criterion"))
    if not times:
        sys.exit("nothing measured: run cargo bench -p hybrid-benches --bench evtx --features peers")

    def ratio(log, over, under):
        both = times.get((log, over)), times.get((log, under))
        return both[0] / both[1] if all(both) else None

    rows = []
    for name, over, under, goals in RATIOS:
        ratios = {log: ratio(log, over, under) for log in LOGS}
        rows.append((name, [shown(r, goals.get(log)) if r else None for log, r in ratios.items()]))
    table("ratio", rows)
    print()
    rows = []
    for row in ROWS:
        ratios = [ratio(log, row, "floor") for log in LOGS]
        rows.append((f"`{row}`", [f"{r:.2f}" if r else None for r in ratios]))
    table("in read floors", rows)


main()
