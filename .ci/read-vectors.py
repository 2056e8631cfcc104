#!/usr/bin/env python3
"""A second reader of ingest-protocol's frames, and a second receiver, written from SPEC.md alone.

Reads the test vectors with nothing but Python's standard library, and compares:
what is accepted, what comes out, and with which code the rest is refused; and what a
receiver answers to frames that arrive one after the other. zstd and
AES-GCM-SIV are not in the standard library: where the packages `zstandard` and
`cryptography` are not installed, the header, the length, the MAC and what checksum
can be checked of such frames are, and the rest is listed as skipped.

Usage: .ci/read-vectors.py [frames.json [decisions.json]]
"""

import hashlib
import hmac
import json
import struct
import sys
import uuid
from pathlib import Path

try:
    import zstandard
except ImportError:
    zstandard = None
try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
except ImportError:
    AESGCMSIV = None

LIMITS = {"frame_bytes": 16 << 20, "raw_bytes": 64 << 20, "records": 10_000, "record_bytes": 1 << 20}
ZSTD, MAC, ENCRYPTED = 1, 2, 8
HEADER = struct.Struct("<4sBBHIHH16s16sQQqQIIII")
NO_TIME = -(1 << 63)


def crc_table(polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


def crc(table, ones, data):
    value = ones
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value ^ ones


CRC32C, CRC64 = crc_table(0x82F63B78), crc_table(0x9A6C9329AC4BC9B5)


def crc32c(data):
    return crc(CRC32C, 0xFFFFFFFF, data)


def crc64(data):
    return crc(CRC64, 0xFFFFFFFFFFFFFFFF, data)


class Refused(Exception):
    def __init__(self, code, needed=None):
        super().__init__(code)
        self.code, self.needed = code, needed


class Skipped(Exception):
    pass


def need(condition, code):
    if not condition:
        raise Refused(code)


def within(limit, value, limits=LIMITS):
    need(value <= limits[limit], "too_large")


def read_header(frame, limits=LIMITS):
    begins = b"\x89IGB"
    need(frame[:4] == begins[: len(frame)], "malformed")
    need(len(frame) < 5 or frame[4] == 1, "unsupported")
    if len(frame) < 8:
        raise Refused("malformed", needed=96)
    header_len = struct.unpack_from("<H", frame, 6)[0]
    need(header_len % 8 == 0 and 96 <= header_len <= 1024, "malformed")
    if len(frame) < header_len:
        raise Refused("malformed", needed=header_len)
    need(crc32c(frame[: header_len - 4]) == struct.unpack_from("<I", frame, header_len - 4)[0], "corrupt")

    (_, _, minor, _, must, may, form, audience, stream, first_seq, lost, sealed_at, raw_crc,
     count, body_len, raw_len, _) = HEADER.unpack_from(frame)
    need(must & ~(ZSTD | MAC | ENCRYPTED) == 0, "unsupported")
    need(form in (1, 3) or form >= 32768, "unsupported")
    need(stream != bytes(16), "malformed")
    need(first_seq >= 1 and first_seq + count < 1 << 64, "malformed")
    need(lost < first_seq, "malformed")
    raw = not must & ZSTD or must & ENCRYPTED
    need(not raw or raw_len == body_len, "malformed")
    need(not must & ENCRYPTED or body_len >= 32, "malformed")
    within("records", count, limits)
    within("frame_bytes", header_len + body_len + (48 if must & MAC else 0), limits)
    within("raw_bytes", raw_len, limits)
    return {
        "minor": minor, "header_len": header_len, "zstd": bool(must & ZSTD), "mac": bool(must & MAC),
        "encrypted": bool(must & ENCRYPTED), "may": may, "format": form,
        "audience": str(uuid.UUID(bytes=audience)), "stream": str(uuid.UUID(bytes=stream)),
        "first_seq": first_seq, "lost": lost, "sealed_at": sealed_at, "raw_crc": f"{raw_crc:016x}",
        "count": count, "body_len": body_len, "raw_len": raw_len,
    }


def verify_mac(frame, end, audience, keys):
    key_id = str(uuid.UUID(bytes=frame[end : end + 16]))
    need((audience, key_id) in keys, "unknown_key")
    signed = b"ingest-batch-frame/1 mac\0" + frame[end : end + 16] + frame[:end]
    digest = hmac.new(keys[audience, key_id], signed, hashlib.sha256).digest()
    need(hmac.compare_digest(digest, frame[end + 16 :]), "bad_mac")


def decrypt(head, body, secret):
    def derive(key, message):
        return hmac.new(key, message, hashlib.sha256).digest()

    key = derive(secret, b"ingest-batch-frame/1 encrypt\0")
    nonce_key = derive(secret, b"ingest-batch-frame/1 nonce\0")
    nonce = derive(nonce_key, head[32:56])[:12]
    aad = head[:72] + bytes(8) + head[80:-4] + body[:16]
    try:
        return AESGCMSIV(key).decrypt(nonce, body[16:], aad)
    except Exception:  # it is InvalidTag, or a ValueError for a text that is too short
        raise Refused("bad_mac") from None


def expand(body, raw_len):
    need(body[:4] == b"\x28\xb5\x2f\xfd" and len(body) > 5 and body[4] & 3 == 0, "corrupt")
    try:
        size = zstandard.frame_content_size(body)
        need(size >= 0 and (raw_len is None or size == raw_len), "corrupt")
        window = zstandard.get_frame_parameters(body).window_size
        need((size if body[4] & 0x20 else window) <= 8 << 20, "corrupt")
        within("raw_bytes", size)
        reader = zstandard.ZstdDecompressor().decompressobj()
        raw = reader.decompress(body)
    except zstandard.ZstdError:
        raise Refused("corrupt") from None
    need(reader.eof and not reader.unused_data and len(raw) == size, "corrupt")
    return raw


def read_sections(body, count):
    sections, last, at = {}, 0, 0
    size_of_each = {1: 4, 0x8003: 16, 0x8004: 8}
    while at < len(body):
        need(len(body) - at >= 8, "malformed")
        kind, flags, length = struct.unpack_from("<HHI", body, at)
        need(kind > last, "malformed")
        last = kind
        at += 8
        need(length <= len(body) - at, "malformed")
        content = body[at : at + length]
        at += length
        if kind not in (1, 2, 0x8003, 0x8004):
            need(kind & 0x8000, "unsupported")
            continue
        need(flags == 0, "malformed")
        need(kind == 2 or length == count * size_of_each[kind], "malformed")
        sections[kind] = content
    need(1 in sections and 2 in sections, "malformed")
    return sections


def read_records(header, body, limits=LIMITS):
    count = header["count"]
    sections = read_sections(body, count)
    lens = struct.unpack(f"<{count}I", sections[1])
    for length in lens:
        within("record_bytes", length, limits)
    need(sum(lens) == len(sections[2]), "malformed")
    records, at = [], 0
    for index, length in enumerate(lens):
        record = {"seq": header["first_seq"] + index, "payload": sections[2][at : at + length].hex()}
        at += length
        record["id"] = record["time"] = None
        if 0x8003 in sections:
            event = uuid.UUID(bytes=sections[0x8003][index * 16 : index * 16 + 16])
            record["id"] = str(event) if event.int else None
        if 0x8004 in sections:
            time = struct.unpack_from("<q", sections[0x8004], index * 8)[0]
            record["time"] = None if time == NO_TIME else time
        records.append(record)
    return records


def read_frame(frame, given, keys, audience=None, limits=LIMITS):
    """The header and the records of a frame, `given` the names of the keys to require,
    `audience` the only one whose frames are taken."""
    header = read_header(frame, limits)
    end = header["header_len"] + header["body_len"]
    length = end + (48 if header["mac"] else 0)
    if len(frame) < length:
        raise Refused("malformed", needed=length)
    need(len(frame) == length, "malformed")
    need(audience in (None, header["audience"]), "wrong_audience")
    body = frame[header["header_len"] : end]
    as_sent = not header["zstd"] or header["encrypted"]
    need(not as_sent or f"{crc64(body):016x}" == header["raw_crc"], "corrupt")
    if "mac" in given:
        need(header["mac"], "bad_mac")
        verify_mac(frame, end, header["audience"], keys["mac"])
    if "encrypt" in given:
        need(header["encrypted"], "bad_mac")
    if header["encrypted"]:
        need("encrypt" in given, "unsupported")
        key_id = str(uuid.UUID(bytes=body[:16]))
        need((header["audience"], key_id) in keys["encrypt"], "unknown_key")
        if not AESGCMSIV:
            raise Skipped("encrypted", header)
        body = decrypt(frame[: header["header_len"]], body, keys["encrypt"][header["audience"], key_id])
    if header["zstd"]:
        if not zstandard:
            raise Skipped("compressed", header)
        body = expand(body, None if header["encrypted"] else header["raw_len"])
        need(header["encrypted"] or f"{crc64(body):016x}" == header["raw_crc"], "corrupt")
    return header, read_records(header, body, limits)


RING = 64
UNLIMITED = dict.fromkeys(LIMITS, 0xFFFFFFFF)


def decide(state, header):
    """Section 4's rules: what is answered, and the state after it. A state is next_seq and the
    fingerprints, the oldest first."""
    next_seq, ring = state
    fingerprint = [header[field] for field in ("first_seq", "lost", "count", "raw_len", "raw_crc")]
    from_seq = header["first_seq"] - header["lost"]
    if fingerprint in ring:  # R2
        return "duplicate", state
    if from_seq == next_seq:  # R1
        if header["count"] == 0 and header["lost"] == 0:
            return "duplicate", state
        return "committed", (header["first_seq"] + header["count"], (ring + [fingerprint])[-RING:])
    return ("gap" if from_seq > next_seq else "fork"), state  # R3, R4


def is_expired(stream, horizon):
    """R5, of a stream that is not known. The time of a UUIDv7 is its first 48 bits, milliseconds."""
    stream = uuid.UUID(stream)
    return horizon is not None and stream.version == 7 and (stream.int >> 80) * 1000 < horizon


def receive(states, frame, audience, limits, horizon):
    """The answer to a frame, and the next_seq in it; `states` are the receiver's, by stream."""
    header = read_header(frame, UNLIMITED)
    stream = header["stream"]
    if stream not in states and is_expired(stream, horizon):
        return "stream_expired", None
    answer, after = decide(states.get(stream, (1, [])), header)
    # R2 before limits; what is refused for itself is, before R1.
    read_frame(frame, [], {}, audience, UNLIMITED if answer == "duplicate" else limits)
    if answer == "committed":
        states[stream] = after
    return answer, after[0]


def check_sequence(sequence, audience):
    """What is wrong with the answers to the frames of a sequence."""
    states, limits, horizon = {}, LIMITS, None
    for at, step in enumerate(sequence["steps"]):
        limits, horizon = step.get("limits", limits), step.get("horizon", horizon)
        frame = bytes.fromhex(step["frame"])
        try:
            answer, next_seq = receive(states, frame, audience, limits, horizon)
        except Refused as refused:
            answer, next_seq = refused.code, None
        state = states.get(read_header(frame, UNLIMITED)["stream"])
        if state:
            ends = {"oldest": state[1][0], "newest": state[1][-1]}
            state = {"next_seq": state[0], "ring": len(state[1]), **ends}
        found = {"answer": answer, "next_seq": next_seq, "state": state}
        if found != {field: step[field] for field in found}:
            yield f"{sequence['name']}, step {at} ({step['why']}): {found}"


def main():
    folder = Path(__file__).parent.parent / "ingest-protocol/tests/vectors"
    given = [Path(path) for path in sys.argv[1:]]
    paths = given + [folder / "frames.json", folder / "decisions.json"][len(given) :]
    vectors, decisions = (json.loads(path.read_text()) for path in paths)
    assert crc32c(b"123456789") == 0xE3069283 and crc64(b"123456789") == 0xAE8B14860A799888
    keys = {
        kind: {(key["audience"], key["key_id"]): bytes.fromhex(key["secret"]) for key in those}
        for kind, those in vectors["keys"].items()
    }
    wrong, skipped, cut, flipped = [], [], 0, 0

    def outcome(frame, vector):
        try:
            return read_frame(frame, vector["keys"], keys, vector.get("audience"))
        except Refused as refused:
            return refused

    for vector in vectors["accepted"]:
        frame, name = bytes.fromhex(vector["frame"]), vector["name"]
        expected = vector["header"], vector["records"]
        try:
            found = outcome(frame, vector)
        except Skipped as why:
            skipped.append(f"{name} ({why.args[0]})")
            found = why.args[1], vector["records"]
            frame_bits = range(vector["header"]["header_len"] * 8)
        else:
            frame_bits = range(len(frame) * 8)
        if found != expected:
            wrong.append(f"{name}: {found}")
        for length in range(len(frame)):
            found = outcome(frame[:length], vector)
            cut += 1
            if not isinstance(found, Refused) or not length < (found.needed or 0) <= len(frame):
                wrong.append(f"{name}, its first {length} bytes: {found}")
        for bit in frame_bits:
            changed = bytearray(frame)
            changed[bit // 8] ^= 1 << bit % 8
            found = outcome(bytes(changed), vector)
            flipped += 1
            if not isinstance(found, Refused) and found != expected:
                wrong.append(f"{name}, bit {bit} flipped: {found}")

    for vector in vectors["refused"]:
        frame, name, expected = bytes.fromhex(vector["frame"]), vector["name"], vector["expected"]
        try:
            found = outcome(frame, vector)
        except Skipped as why:
            skipped.append(f"{name} ({why.args[0]})")
            continue
        if not isinstance(found, Refused):
            wrong.append(f"{name} is accepted: {found}")
        elif (found.code, found.needed) != (expected["code"], expected["needed"]):
            wrong.append(f"{name}: {found.code}, {found.needed} instead of {expected}")

    sequences = decisions["sequences"]
    for sequence in sequences:
        wrong.extend(check_sequence(sequence, decisions["audience"]))

    print(f"{len(vectors['accepted'])} frames to accept, {len(vectors['refused'])} to refuse; "
          f"{cut} prefixes, {flipped} flipped bits")
    print(f"{len(sequences)} sequences of {sum(len(each['steps']) for each in sequences)} decisions")
    print("skipped, but for the header:", ", ".join(skipped) or "nothing")
    for line in wrong:
        print("WRONG:", line)
    return 1 if wrong or not vectors["accepted"] or not vectors["refused"] or not sequences else 0


if __name__ == "__main__":
    sys.exit(main())
