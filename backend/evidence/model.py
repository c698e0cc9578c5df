"""Evidence (佐证), and what may be one: told by a file's first octets, never by its name. Pure.

Nothing is taken out of a file or written anew: what is kept is what came, and its SHA-256 says so.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType
from uuid import UUID

import msgspec

from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import PersonId

EvidenceId = NewType("EvidenceId", UUID)

MOST_OCTETS: Final = 10_000_000


class MediaKind(StrEnum):
    """What was sent besides words: 照片、语音、文件."""

    PHOTO = "photo"
    VOICE = "voice"
    DOCUMENT = "document"


MEDIA_LABELS: Final = {MediaKind.PHOTO: N_("照片"), MediaKind.VOICE: N_("语音"), MediaKind.DOCUMENT: N_("文件")}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence without its octets. `about` is None until an act takes it up."""

    id: EvidenceId
    kind: MediaKind
    media_type: str
    name: str
    size: int
    sha256: str
    by: PersonId
    at: datetime
    about_kind: str | None = None
    about: UUID | None = None


class MediaType(msgspec.Struct, frozen=True):
    """A row of the table: a media type, the kind it is, and whether octets are of it."""

    name: str
    kind: MediaKind
    fits: Callable[[bytes], bool]


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda octets: octets.startswith(starts)


def _is_webp(octets: bytes) -> bool:
    return octets[:4] == b"RIFF" and octets[8:12] == b"WEBP"


def _is_ogg_voice(octets: bytes) -> bool:
    """The first Ogg page names its codec; a film in the same container is none of ours."""
    return octets[:4] == b"OggS" and any(codec in octets[26:128] for codec in (b"OpusHead", b"\x01vorbis"))


_MP3_SYNC: Final = 0xE0
_LAYER_III: Final = 1
_BAD_BITRATE: Final = 15
_BAD_SAMPLING: Final = 3


def _is_mp3(octets: bytes) -> bool:
    """An ID3 tag, or a frame header of layer III whose bit rate and sampling exist."""
    if octets.startswith(b"ID3"):
        return True
    if len(octets) < 4 or octets[0] != 0xFF or octets[1] & _MP3_SYNC != _MP3_SYNC:
        return False
    return (
        (octets[1] >> 1) & 3 == _LAYER_III and octets[2] >> 4 != _BAD_BITRATE and (octets[2] >> 2) & 3 != _BAD_SAMPLING
    )


_M4A_BRANDS: Final = frozenset({b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"3gp4", b"3gp5", b"dash"})
#: a handler box that names a picture track: then it is a film
_PICTURE_TRACK: Final = re.compile(rb"hdlr.{8}vide", re.DOTALL)


def _is_m4a(octets: bytes) -> bool:
    return octets[4:8] == b"ftyp" and octets[8:12] in _M4A_BRANDS and _PICTURE_TRACK.search(octets) is None


#: what may be evidence; the first that fits is what it is
MEDIA_TYPES: Final = (
    MediaType("image/jpeg", MediaKind.PHOTO, _begins(b"\xff\xd8\xff")),
    MediaType("image/png", MediaKind.PHOTO, _begins(b"\x89PNG\r\n\x1a\n")),
    MediaType("image/webp", MediaKind.PHOTO, _is_webp),
    MediaType("audio/ogg", MediaKind.VOICE, _is_ogg_voice),
    MediaType("audio/amr", MediaKind.VOICE, _begins(b"#!AMR\n", b"#!AMR-WB\n")),
    MediaType("audio/mp4", MediaKind.VOICE, _is_m4a),
    MediaType("audio/mpeg", MediaKind.VOICE, _is_mp3),
    MediaType("application/pdf", MediaKind.DOCUMENT, _begins(b"%PDF-")),
)
_NOT_OF_KIND: Final = {
    MediaKind.PHOTO: N_("这不是可用的照片：请发送 JPEG、PNG 或 WebP 图片"),
    MediaKind.VOICE: N_("这不是可用的语音：请发送 OGG、MP3、M4A 或 AMR 录音"),
    MediaKind.DOCUMENT: N_("不能接收这种文件：请发送照片（JPEG、PNG、WebP）、录音（OGG、MP3、M4A、AMR）或 PDF"),
}


def media_type_of(kind: MediaKind, octets: bytes) -> MediaType:
    """What octets that came as `kind` are; a photo sent as a file is a photo. Raises BadInput with a sentence."""
    if not octets:
        raise BadInput(N_("收到的文件是空的，请重新发送"))
    if is_too_much(len(octets)):
        raise BadInput(N_("文件过大：最多 10 MB"))
    found = next((each for each in MEDIA_TYPES if each.fits(octets)), None)
    if found is None or kind not in {found.kind, MediaKind.DOCUMENT}:
        raise BadInput(_NOT_OF_KIND[kind])
    return found


def is_too_much(octets: int) -> bool:
    """Whether a file of so many octets is refused; to be asked before it is fetched."""
    return octets > MOST_OCTETS


def ledger_facts(bound: Iterable[Evidence]) -> list[dict[str, Any]]:
    """What the ledger says of evidence that an act took up: which, what it is, and its SHA-256."""
    return [
        {"evidence": str(each.id), "media_type": each.media_type, "octets": each.size, "sha256": each.sha256}
        for each in bound
    ]
