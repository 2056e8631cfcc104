#!/usr/bin/env python3
"""Read .evtx files with parsers that are not ours, and compare with what was written.

usage: foreign-parsers.py FILE.evtx...

Beside FILE.evtx stands FILE.ndjson, a line of JSON for each record that the
log holds; the example program `write_fixtures` writes both. Prints a line for
each file and parser. A record must be found undamaged and once, and have the
number, heading, user, strings and binary data that were written, as far as the
parser gives them. The order of records is each parser's own for logs that
wrapped around, so it is not compared.

    pip install evtx libevtx-python python-evtx dissect.eventlog

Exits with 0, with 1 if anything differs or is damaged, with 2 for wrong usage,
and with 3 if nothing differs but a parser is not installed.
"""

import datetime
import hashlib
import html
import importlib
import io
import json
import pathlib
import re
import struct
import sys
import warnings
import zlib

warnings.filterwarnings("ignore")

HEADER, CHUNK = 4096, 65536


def checksums(path):
    """Every checksum of the file, by Python's own CRC-32, or what is wrong."""
    file = pathlib.Path(path).read_bytes()
    if len(file) % CHUNK != HEADER:
        yield "is not a header and whole chunks"
    if file[:8] != b"ElfFile\0" or file[120:124] != bytes(4):
        yield "has no header of a closed log"
    if zlib.crc32(file[:120]) != struct.unpack_from("<I", file, 124)[0]:
        yield "has a wrong checksum of the file header"
    for at in range(HEADER, len(file), CHUNK):
        chunk = file[at : at + CHUNK]
        free, data, header = struct.unpack_from("<II", chunk, 48) + struct.unpack_from("<I", chunk, 124)
        if zlib.crc32(chunk[512:free]) != data:
            yield f"has a wrong checksum of the records at {at}"
        if zlib.crc32(chunk[:120] + chunk[128:512]) != header:
            yield f"has a wrong checksum of the chunk header at {at}"


def texts(value):
    """A value of a parser's JSON or dictionary as the list of its strings."""
    if isinstance(value, dict):
        value = value.get("#text")
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in texts(item)]
    return [str(value)]


def evtx(path):
    """PyPI `evtx`, on the crate of that name."""
    module = importlib.import_module("evtx")
    for record in module.PyEvtxParser(path).records_json():
        event = json.loads(record["data"])["Event"]
        system = event["System"]

        def attribute(name, of):
            return ((system.get(of) or {}).get("#attributes") or {}).get(name)

        data = event.get("EventData") or {}
        values = [value for name, value in data.items() if name not in ("Binary", "#attributes")]
        yield {
            "number": record["event_record_id"],
            "id": system["EventRecordID"],
            "provider": attribute("Name", "Provider"),
            "event": int(texts(system["EventID"])[0]),
            "qualifiers": attribute("Qualifiers", "EventID"),
            "level": system["Level"],
            "created": attribute("SystemTime", "TimeCreated"),
            "channel": system["Channel"],
            "computer": system["Computer"],
            "user": attribute("UserID", "Security"),
            "strings": texts(values),
            "binary": data.get("Binary"),
        }


def libevtx(path):
    """libyal's C library."""
    module = importlib.import_module("pyevtx")
    log = bytearray(pathlib.Path(path).read_bytes())
    first, last = struct.unpack_from("<QQ", log, 8)
    if first == last + 1:
        # To libevtx every log that wrapped around is damaged: the number of its
        # oldest chunk is above that of its newest. So it is shown the same
        # chunks under the header of a log that did not wrap.
        struct.pack_into("<QQ", log, 8, 0, len(log) // CHUNK - 1)
        struct.pack_into("<I", log, 124, zlib.crc32(log[:120]))
    file = module.file()
    file.open_file_object(io.BytesIO(log))
    if file.is_corrupted() or file.number_of_recovered_records:
        raise ValueError("finds the file damaged")
    for at in range(file.number_of_records):
        # One at a time: a record can't be asked once its chunk has left the cache.
        record = file.get_record(at)
        strings = [record.get_string(at) or "" for at in range(record.number_of_strings)]
        # `Binary` is its last string, in hexadecimal digits.
        has_binary = re.search("<Binary[ />]", record.xml_string)
        binary = strings.pop() if has_binary else None
        yield {
            "number": record.identifier,
            "provider": record.source_name,
            "event": record.event_identifier,
            "qualifiers": record.event_identifier_qualifiers,
            "level": record.event_level,
            "created": record.creation_time.isoformat(),
            "channel": record.channel_name,
            "computer": record.computer_name,
            "user": record.user_security_identifier,
            "strings": strings,
            "binary": binary,
        }


def python_evtx(path):
    """Willi Ballenthin's parser; it renders an array of strings as text that looks like XML."""
    module = importlib.import_module("Evtx.Evtx")
    with module.Evtx(path) as log:
        header = log.get_file_header()
        # `header.verify` would also refuse version 3.2.
        if not header.check_magic() or header.checksum() != header.calculate_checksum():
            raise ValueError("finds the file header damaged")
        if not all(chunk.verify() for chunk in header.chunks()):
            raise ValueError("finds a chunk damaged")
        for record in log.records():
            xml = record.xml()

            def first(pattern):
                found = re.search(pattern, xml)
                return found and html.unescape(found[1])

            strings = []
            for text in re.findall("<Data[^>]*>(.*?)</Data>", xml, re.DOTALL):
                text = html.unescape(text)
                strings += re.findall("<string>(.*?)</string>\n", text, re.DOTALL) or [text]
            yield {
                "number": record.record_num(),
                "id": int(first("<EventRecordID>(.*?)<")),
                "provider": first('<Provider Name="(.*?)"'),
                "event": int(first("<EventID[^>]*>(.*?)<")),
                "qualifiers": int(first('<EventID Qualifiers="(.*?)"')),
                "level": int(first("<Level>(.*?)<")),
                "created": first('<TimeCreated SystemTime="(.*?)"'),
                "channel": first("<Channel>(.*?)<"),
                "computer": first("<Computer>(.*?)<"),
                "user": first('<Security UserID="(.*?)"') or None,
                "strings": strings,
            }


def dissect(path):
    """Fox-IT's dissect.eventlog; it tests no checksum."""
    module = importlib.import_module("dissect.eventlog.evtx")
    system = re.compile(
        "Provider_|EventID|Version$|Level$|Task$|Opcode$|Keywords$|TimeCreated_|EventRecordID$"
        "|Correlation_|Execution_|Channel$|Computer$|Security_|Binary$"
    )
    with open(path, "rb") as file:
        # A record's values are read when they are asked for, so not all records first.
        for record in module.Evtx(file):
            record = {name: getattr(value, "get", lambda: value)() for name, value in record.items()}
            values = [value for name, value in record.items() if not system.match(name)]
            yield {
                "id": record["EventRecordID"],
                "provider": record["Provider_Name"],
                "event": record["EventID"],
                "qualifiers": record["EventID_Qualifiers"],
                "level": record["Level"],
                "created": str(record["TimeCreated_SystemTime"]),
                "channel": record["Channel"],
                "computer": record["Computer"],
                "user": record["Security_UserID"],
                "strings": texts(values),
                "binary": (record.get("Binary") or b"").decode(),
            }


def comparable(record):
    """A record without what parsers say in several ways: the last digits of
    times, and whether there is no string (no binary data) or an empty one."""
    record = dict(record)
    time = record["created"].replace("Z", "").replace(" ", "T").split("+")[0]
    record["created"] = datetime.datetime.fromisoformat(time[:26]).replace(microsecond=0).isoformat()
    if record["strings"] == [""]:
        record["strings"] = []
    if "binary" in record:
        record["binary"] = (record["binary"] or "").upper()
    return record


def shown(value):
    """A value as a message shows it: texts by their lengths and a hash."""
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value[:4])) + (", ...]" if len(value) > 4 else "]")
    if isinstance(value, str) and len(value) > 40:
        return f"{len(value)} characters {hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:12]}"
    return repr(value)


def differences(truth, records):
    """What a parser reads otherwise than it was written, first differences only."""
    if len(records) != len(truth):
        yield f"reads {len(records)} records, not {len(truth)}"
    by_number = {record["number"]: record for record in truth}
    by_id = {record["id"]: record for record in truth}
    seen = set()
    for record in records:
        written = by_number.get(record["number"]) if "number" in record else by_id.get(record["id"])
        place = record.get("number", record.get("id"))
        if written is None or place in seen:
            yield f"reads record {place}, which is not there or was read before"
            return
        seen.add(place)
        for name, value in record.items():
            if value != written[name]:
                yield f"record {place}: {name} is {shown(value)}, was {shown(written[name])}"
                return


def main():
    paths = sys.argv[1:]
    if not paths or any(not path.endswith(".evtx") for path in paths):
        print(__doc__, file=sys.stderr)
        return 2
    wrong, missing = 0, set()
    for path in paths:
        lines = pathlib.Path(path).with_suffix(".ndjson").read_text(encoding="utf-8").split("\n")
        truth = [comparable(json.loads(line)) for line in lines if line]
        name = pathlib.Path(path).name
        problems = list(checksums(path))
        wrong += bool(problems)
        print(f"{name}: checksums: " + ("FAILED: " + ", ".join(problems) if problems else "good"))
        for parser in [evtx, libevtx, python_evtx, dissect]:
            try:
                records = [comparable(record) for record in parser(path)]
                problems = list(differences(truth, records))
            except ImportError:
                missing.add(parser.__name__)
                continue
            except Exception as error:  # whatever a parser raises is a finding
                problems = [f"{type(error).__name__}: {error}"]
            wrong += bool(problems)
            strings = sum(len(record["strings"]) for record in truth)
            print(
                f"{name}: {parser.__name__}: "
                + ("FAILED: " + "; ".join(problems) if problems else f"ok: {len(truth)} records, {strings} strings")
            )
    for parser in sorted(missing):
        print(f"{parser}: not run: the package is not installed")
    return 1 if wrong else 3 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
