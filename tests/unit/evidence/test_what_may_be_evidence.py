"""A file is what its first octets say, never what its name says."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import BadInput
from backend.evidence.model import MEDIA_TYPES, MOST_OCTETS, MediaKind, media_type_of

OGG: Final = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead" + bytes(40)
M4A: Final = b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00" + bytes(8) + b"hdlr" + bytes(8) + b"soun"
SAMPLES: Final = {
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00",
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "audio/ogg": OGG,
    "audio/amr": b"#!AMR\n\x3c",
    "audio/mp4": M4A,
    "audio/mpeg": b"\xff\xfb\x90\x64" + bytes(30),
    "application/pdf": b"%PDF-1.7\n",
}
#: kinds that are sent by their own button; a document may be anything of the table
OWN: Final = {"image": MediaKind.PHOTO, "audio": MediaKind.VOICE, "application": MediaKind.DOCUMENT}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_type_is_known_by_its_first_octets(name: str) -> None:
    found = media_type_of(OWN[name.partition("/")[0]], SAMPLES[name])
    assert found.name == name


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_sent_as_a_document_is_kept_as_what_it_is(name: str) -> None:
    assert media_type_of(MediaKind.DOCUMENT, SAMPLES[name]).kind is OWN[name.partition("/")[0]]


def test_every_row_of_the_table_has_a_sample() -> None:
    assert {each.name for each in MEDIA_TYPES} == set(SAMPLES)


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (MediaKind.PHOTO, SAMPLES["application/pdf"]),
        (MediaKind.PHOTO, OGG),
        (MediaKind.VOICE, SAMPLES["image/png"]),
        (MediaKind.VOICE, SAMPLES["application/pdf"]),
        (MediaKind.PHOTO, b"GIF89a"),
        (MediaKind.DOCUMENT, b"MZ\x90\x00"),
        (MediaKind.DOCUMENT, b"PK\x03\x04"),
        (MediaKind.DOCUMENT, b"<html><script>"),
        (MediaKind.DOCUMENT, b"\xff\xff\xff\xff"),
        (MediaKind.VOICE, b"OggS\x00\x02" + bytes(20) + b"\x80theora" + bytes(80)),
        (MediaKind.VOICE, b"\x00\x00\x00\x20ftypisom" + bytes(60) + b"hdlr" + bytes(8) + b"vide"),
        (MediaKind.PHOTO, b"\x00\x00\x00\x20ftypheic"),
    ],
)
def test_what_is_not_of_its_kind_is_refused_and_told_what_is_taken(kind: MediaKind, octets: bytes) -> None:
    with pytest.raises(BadInput, match="请发送"):
        media_type_of(kind, octets)


def test_a_file_of_ten_megabytes_is_taken_and_one_octet_more_is_not() -> None:
    head = SAMPLES["image/jpeg"]
    assert media_type_of(MediaKind.PHOTO, head.ljust(MOST_OCTETS, b"\0")).name == "image/jpeg"
    with pytest.raises(BadInput, match="10 MB"):
        media_type_of(MediaKind.PHOTO, head.ljust(MOST_OCTETS + 1, b"\0"))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadInput, match="空"):
        media_type_of(MediaKind.PHOTO, b"")


@given(st.binary(max_size=64), st.sampled_from(MediaKind))
def test_any_octets_are_told_or_refused(octets: bytes, kind: MediaKind) -> None:
    try:
        found = media_type_of(kind, octets)
    except BadInput:
        return
    assert kind in {found.kind, MediaKind.DOCUMENT}
