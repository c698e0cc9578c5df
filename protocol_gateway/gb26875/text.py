"""字符串: GB 18030 text in fields of the wire, trimmed by section 7 and kept raw beside it."""

import re
from codecs import getincrementaldecoder
from functools import lru_cache
from typing import Final, Self

import msgspec

from protocol_gateway.gb26875.deviations import Deviation

ENCODING: Final = "gb18030"
_REMEMBERED_TEXTS: Final = 4096
_PADDING: Final = b"\x00\x20\xff"
#: Words that make text a fire, and words that make it the end or a test of one (section 10.3).
_FIRE_WORDS: Final = re.compile("火警|火灾|手动报警")
_NOT_A_FIRE_WORDS: Final = re.compile("恢复|复位|复原|消除|禁止|测试")
_replacing_decoder = getincrementaldecoder(ENCODING)


class Text(msgspec.Struct, frozen=True, gc=False):
    """说明: the octets as received, what they say, and how they depart from the standard."""

    octets: bytes
    text: str
    deviations: frozenset[Deviation] = frozenset()

    @classmethod
    def of(cls, text: str, size: int | None = None) -> Self:
        """Text to send, padded with NUL to `size` octets. Raises ValueError when it does not fit."""
        octets = text.encode(ENCODING)
        if size is not None and len(octets) > size:
            raise ValueError(f"{text!r} takes {len(octets)} octets, the field holds {size}")
        return cls(octets.ljust(size or 0, b"\0"), text)


def _trim(octets: bytes, flags: set[Deviation]) -> bytes:
    begun = octets.lstrip(b"\x00\x20")
    kept, _, rest = begun.partition(b"\x00")
    if rest.strip(_PADDING):
        flags.add(Deviation.STALE_BYTES_AFTER_TEXT)
    trimmed = kept.rstrip(b"\x20\xff")
    if b"\xff" in kept[len(trimmed) :]:
        flags.add(Deviation.TEXT_PADDED_FF)
    if trimmed and octets[0] == 0:
        flags.add(Deviation.LEADING_NUL_TEXT)
    return trimmed


def _read_damaged(octets: bytes, flags: set[Deviation]) -> str:
    decoder = _replacing_decoder("replace")
    text = decoder.decode(octets)
    tail = decoder.getstate()[0]
    if tail:
        flags.add(Deviation.TEXT_CUT_MID_CHARACTER)
    try:
        return octets[: len(octets) - len(tail)].decode(ENCODING)
    except UnicodeDecodeError:
        flags.add(Deviation.TEXT_UNDECODABLE)
        return text


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def read_text(octets: bytes) -> Text:
    """Read a text field by section 7: trim, cut, decode, flag. Never raises; the octets are kept."""
    flags: set[Deviation] = set()
    trimmed = _trim(octets, flags)
    try:
        text = trimmed.decode(ENCODING)
    except UnicodeDecodeError:
        text = _read_damaged(trimmed, flags)
    return Text(octets, text, frozenset(flags))


def possible_fire_text(body: bytes) -> str | None:
    """What an unreadable body says of a fire, or None (section 10.3, 疑似火警).

    Only the GB 18030 text in it is looked at; words of restoration, reset or test take the suspicion away.
    """
    found = _scan(body)
    if _FIRE_WORDS.search(found) and not _NOT_A_FIRE_WORDS.search(found):
        return found
    return None


#: Octets that can stand in GB 18030 text of two-octet and ASCII characters.
_READABLE: Final = re.compile(rb"[\x20-\x7e\x80-\xfe]{2,}")


def _scan(body: bytes) -> str:
    # Binary octets before a text can shift the two-octet grid by one, so both alignments are read, and
    # the one that speaks of a fire (or of its end) counts.
    readings = [_readable(body, shift) for shift in (0, 1)]
    telling = [text for text in readings if _FIRE_WORDS.search(text) or _NOT_A_FIRE_WORDS.search(text)]
    return " ".join(telling)


def _readable(body: bytes, shift: int) -> str:
    runs = (match.group()[shift:] for match in _READABLE.finditer(body))
    return " ".join(run.decode(ENCODING, "ignore") for run in runs if run).strip()
