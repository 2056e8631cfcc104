#!/usr/bin/env python3
"""Read an .evtx file with parsers that are not ours.

usage: foreign-parsers.py FILE EXPECTED_COUNT

Prints one line for each parser: that it finds the file undamaged, how many
records it reads, and that it reads the same record numbers and the same
strings as the parsers before it. A parser that is not installed is named and
left out:

    pip install evtx libevtx-python python-evtx dissect.eventlog

Exits with 0, with 1 if anything differs, and with 2 for wrong usage.
"""

import html
import importlib
import json
import re
import sys
import warnings

warnings.filterwarnings("ignore")

# python-evtx takes minutes for the XML of a large log; the first records will do.
XML_RECORDS = 200


def texts(value):
    """A value of a parser's JSON or dictionary as the list of its strings."""
    if isinstance(value, dict):
        value = value.get("#text")
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in texts(item)]
    return [str(value)]


def same(strings):
    """What parsers agree on: they differ in unpaired surrogates, in what
    follows a NUL, and in whether no string and one empty string are told apart."""
    strings = [re.sub("[\ud800-\udfff\ufffd]", "\ufffd", text).split("\0")[0] for text in strings]
    return [] if strings == [""] else strings


def evtx(path):
    """PyPI `evtx`, on the crate of that name."""
    module = importlib.import_module("evtx")
    ids, strings = [], []
    for record in module.PyEvtxParser(path).records_json():
        ids.append(record["event_record_id"])
        data = json.loads(record["data"])["Event"].get("EventData") or {}
        values = [value for name, value in data.items() if name not in ("Binary", "#attributes")]
        strings.append(texts(values))
    return True, ids, strings


def libevtx(path):
    """libyal's C library."""
    module = importlib.import_module("pyevtx")
    file = module.open(path)
    undamaged = not file.is_corrupted() and file.number_of_recovered_records == 0
    ids, strings = [], []
    for at in range(file.number_of_records):
        # One at a time: a record can't be asked once its chunk has left the cache.
        record = file.get_record(at)
        ids.append(record.identifier)
        strings.append([record.get_string(at) or "" for at in range(record.number_of_strings)])
    return undamaged, ids, strings


def python_evtx(path):
    """Willi Ballenthin's parser; it renders an array of strings as text that looks like XML."""
    module = importlib.import_module("Evtx.Evtx")
    ids, strings = [], []
    with module.Evtx(path) as log:
        header = log.get_file_header()
        undamaged = header.verify() and all(chunk.verify() for chunk in header.chunks())
        for record in log.records():
            ids.append(record.record_num())
            if len(ids) > XML_RECORDS:
                continue
            found = []
            for text in re.findall("<Data[^>]*>(.*?)</Data>", record.xml(), re.DOTALL):
                text = html.unescape(text)
                array = re.findall("<string>(.*?)</string>\n", text, re.DOTALL)
                found += [html.unescape(item) for item in array] or [text]
            strings.append(found)
    return undamaged, ids, strings


def dissect(path):
    """Fox-IT's dissect.eventlog; it tests no checksum."""
    module = importlib.import_module("dissect.eventlog.evtx")
    ids, strings = [], []
    system = re.compile(
        "Provider_|EventID|Level$|Task$|Keywords$|TimeCreated_|EventRecordID$"
        "|Channel$|Computer$|Security_|Binary$"
    )
    with open(path, "rb") as file:
        for record in module.Evtx(file):
            ids.append(int(record["EventRecordID"]))
            values = [value for name, value in record.items() if not system.match(name)]
            strings.append(texts(values))
    return True, ids, strings


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    path, expected = sys.argv[1], int(sys.argv[2])
    wrong, known_ids, known = 0, None, None
    for name, parser in [
        ("evtx", evtx),
        ("libevtx", libevtx),
        ("python-evtx", python_evtx),
        ("dissect.eventlog", dissect),
    ]:
        try:
            undamaged, ids, strings = parser(path)
        except ImportError:
            print(f"{name}: not run: the package is not installed")
            continue
        except Exception as error:  # whatever a parser raises is a finding
            print(f"{name}: FAILED: {type(error).__name__}: {error}")
            wrong += 1
            continue
        strings = [same(found) for found in strings]
        problems = []
        if not undamaged:
            problems.append("finds the file damaged")
        if len(ids) != expected:
            problems.append(f"reads {len(ids)} records, not {expected}")
        if known_ids is not None and ids != known_ids:
            problems.append("reads other record numbers")
        if known is not None:
            for at, (mine, others) in enumerate(zip(strings, known)):
                if mine != others:
                    problems.append(f"reads other strings in record {ids[at]}")
                    break
        known_ids = known_ids or ids
        known = known or strings
        wrong += bool(problems)
        count = sum(map(len, strings))
        print(f"{name}: " + ("FAILED: " + ", ".join(problems) if problems else f"ok: {len(ids)} records, {count} strings in {len(strings)} of them"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
