"""Every vector of the standard's page decodes exactly as it says.

The constructed ones stand in tests/fixtures; the quoted ones are read beside the repository, where they are.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol_gateway.gb26875.buffer import BadOctets, Found, FrameBuffer, ShortHeartbeat
from protocol_gateway.gb26875.decode import decode
from protocol_gateway.gb26875.errors import Fault, RemoteFrameError
from protocol_gateway.gb26875.frame import Frame, read_frame
from protocol_gateway.gb26875.jsonform import as_json, decode_hex_line, object_as_json
from protocol_gateway.gb26875.profiles import PROFILES

ROOT = Path(__file__).resolve().parents[4]
FIXTURE = ROOT / "tests/fixtures/gb26875/constructed.jsonl"
SHARED = ROOT.parent / "shared/standards/vectors-gbt26875-3.jsonl"
CONSTRUCTED, ALL = 89, 132

Vector = dict[str, Any]


def read_vectors(path: Path) -> dict[str, Vector]:
    if not path.exists():
        return {}
    vectors = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {vector["name"]: vector for vector in vectors}


VECTORS = read_vectors(FIXTURE) | read_vectors(SHARED)
STREAMS = [vector for vector in VECTORS.values() if vector.get("kind") == "stream"]
SINGLE = [vector for vector in VECTORS.values() if vector.get("kind") != "stream"]
GOOD = [vector for vector in SINGLE if vector["valid"]]
BAD = [vector for vector in SINGLE if not vector["valid"]]
PROFILED = [vector for vector in GOOD if "objects" in vector.get("profile", {})]


def named(vectors: list[Vector]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def without_names(form: Any) -> Any:
    """Our JSON without what we add to the vectors' shape: the names beside the codes."""
    if isinstance(form, list):
        return [without_names(item) for item in form]
    if not isinstance(form, dict):
        return form
    return {
        key: without_names(value)
        for key, value in form.items()
        if key == "command_name" or not key.endswith(("_name", "_names"))
    }


def comparable(form: Any) -> Any:
    plain = without_names(form)
    if "deviations" in plain:
        plain["deviations"] = set(plain["deviations"])
    return plain


def test_the_vectors_really_ran() -> None:
    assert len(read_vectors(FIXTURE)) == CONSTRUCTED
    assert len(VECTORS) == (ALL if SHARED.exists() else CONSTRUCTED)
    assert len(GOOD) + len(BAD) + len(STREAMS) >= 80
    assert len(STREAMS) == 10


def test_the_fixture_holds_the_constructed_vectors_and_no_quoted_one() -> None:
    shared = read_vectors(SHARED) or read_vectors(FIXTURE)
    assert read_vectors(FIXTURE) == {
        name: vector for name, vector in shared.items() if vector["origin"] == "constructed"
    }


@named(GOOD)
def test_a_good_frame_decodes_as_its_vector_says(vector: Vector) -> None:
    form, is_good = decode_hex_line(vector["hex"])
    assert is_good
    assert comparable(form) == comparable(vector["decoded"])


@named(BAD)
def test_a_bad_frame_is_refused_with_its_fault(vector: Vector) -> None:
    with pytest.raises(RemoteFrameError) as caught:
        read_frame(bytes.fromhex(vector["hex"]))
    assert caught.value.fault == vector["reason"]
    form, is_good = decode_hex_line(vector["hex"])
    assert not is_good
    assert form == {"error": vector["reason"], **vector["decoded"]}
    assert form == as_json(caught.value)


@named(PROFILED)
def test_a_profile_reads_what_the_standard_leaves_raw(vector: Vector) -> None:
    profile = PROFILES[vector["profile"]["name"]]
    decoded = decode(read_frame(bytes.fromhex(vector["hex"])), profile)
    assert decoded.objects is not None
    expected = vector["profile"]["objects"]
    for thing, want in zip(decoded.objects, expected, strict=True):
        form = object_as_json(thing, profile)
        for reading, wanted in zip(form.get("analogs", []), want.get("analogs", []), strict=True):
            assert wanted.items() <= reading.items()
        assert {key: form[key] for key in want if key != "analogs"} == {
            key: value for key, value in want.items() if key != "analogs"
        }


def fault_of(found: Found) -> list[str]:
    if isinstance(found, ShortHeartbeat):
        return [Fault.SHORT_HEARTBEAT.value]
    is_bad_frame = isinstance(found, BadOctets) and found.fault is not Fault.GARBAGE
    return [found.fault.value] if is_bad_frame and isinstance(found, BadOctets) else []


@named(STREAMS)
def test_a_stream_splits_as_its_vector_says(vector: Vector) -> None:
    buffer = FrameBuffer()
    found: list[Found] = []
    for at, chunk in enumerate(vector["chunks"]):
        found += buffer.feed(bytes.fromhex(chunk), at / 100)
    found += buffer.expire(60.0)
    decoded = vector["decoded"]
    assert [one.octets.hex() for one in found if isinstance(one, Frame)] == decoded["frames"]
    assert [fault for one in found for fault in fault_of(one)] == decoded["errors"]
    assert buffer.discarded == decoded["discarded_bytes"]
    assert len(buffer) == 0


def test_the_hex_text_stream_gives_one_frame_under_its_profile() -> None:
    vector = VECTORS["s-hex-text"]
    for size in (1, 2, 3, 1000):
        buffer = FrameBuffer(PROFILES["hex-text"])
        octets = bytes.fromhex(vector["hex"])
        found = [one for at in range(0, len(octets), size) for one in buffer.feed(octets[at : at + size], 0.0)]
        assert [type(one) for one in found] == [Frame]
        assert found[0].octets.hex().upper().encode() == octets
