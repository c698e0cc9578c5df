"""Ids and randomness. Ids are UUIDs of version 7: they sort by time, so indexes stay dense."""

import hashlib
import os
import secrets
import time
from typing import Final, NewType
from uuid import UUID, uuid5

PersonId = NewType("PersonId", UUID)
UnitId = NewType("UnitId", UUID)
BuildingId = NewType("BuildingId", UUID)
ZoneId = NewType("ZoneId", UUID)
DeviceId = NewType("DeviceId", UUID)
ComponentId = NewType("ComponentId", UUID)
AlarmId = NewType("AlarmId", UUID)
NoticeId = NewType("NoticeId", UUID)
AttemptId = NewType("AttemptId", UUID)
ContactPointId = NewType("ContactPointId", UUID)
LedgerId = NewType("LedgerId", UUID)

_VERSION_7 = 0x7000
_MILLISECOND_NS = 1_000_000
_VARIANT = 0x8000_0000_0000_0000


def new_id() -> UUID:
    """A fresh UUID of version 7: time to a quarter of a microsecond (RFC 9562, 6.2 method 3), and 62 random bits.

    Ids that a process makes one after the other sort in that order, so that lines of one moment keep theirs.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), _MILLISECOND_NS)
    high = (milliseconds << 16) | _VERSION_7 | (nanoseconds << 12) // _MILLISECOND_NS
    low = _VARIANT | (int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=(high << 64) | low)


def id_by(person: PersonId, key: UUID | None, of: str = "") -> UUID | None:
    """The id of what a person's key names: nobody can choose one that something else has, their own or another's.

    `of`: what is named, where one key may name things of several kinds.
    """
    return uuid5(person, f"{of}{key}") if key is not None else None


def new_token() -> str:
    """A secret of 160 random bits that is safe in a URL, a Telegram deep link and, as a word, on a command line."""
    token = secrets.token_urlsafe(20)
    return token if not token.startswith("-") else new_token()  # else the command line takes it for an option


#: letters and digits that nobody takes for one another
_TYPED: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPED_LENGTH: Final = 10


def new_typed_code() -> str:
    """A code of 49 random bits that people can type, as "7K2MP-QW9TX"; only for minutes, and tries are counted."""
    letters = "".join(secrets.choice(_TYPED) for _ in range(_TYPED_LENGTH))
    return f"{letters[:5]}-{letters[5:]}"


def typed_code(text: str) -> str | None:
    """A typed code as it was given out, however it was typed; None for what can't be one."""
    letters = "".join(each for each in text.upper() if each not in " -\u3000")
    if len(letters) != _TYPED_LENGTH or any(each not in _TYPED for each in letters):
        return None
    return f"{letters[:5]}-{letters[5:]}"


def token_digest(token: str) -> str:
    """What is stored of a token: its SHA-256. Tokens hold 160 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
