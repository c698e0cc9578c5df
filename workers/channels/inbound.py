"""What carriers call back with, in one shape for all of them, and where it goes.

The rule: whatever a carrier may send is either understood, or left out and logged; one bad entry disturbs no other.
Doubled and late ones are harmless, for every use case behind this is idempotent.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from backend.alarms.answering import by_key, by_reply
from backend.complaints.texting import by_text
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.delivery.carrier_codes import number_of_code
from backend.delivery.carrier_words import CarrierSaid, carrier_said, number_of

log = logging.getLogger(__name__)

#: the wall clock of carriers that name none
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_TIME: Final = "%Y-%m-%d %H:%M:%S"
_MOST_KEYS: Final = 8
_MOST_ENTRIES: Final = 1000
_LONGEST_FIELD: Final = 1000
Entry = dict[str, Any]


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A key pressed during a call; the attempt is named by its short number or by the carrier's own id."""

    vendor: str
    digit: str
    id: str = ""
    number: int | None = None
    phone: str = ""
    at: datetime | None = None


class Replied(msgspec.Struct, frozen=True, kw_only=True):
    """A text message that came back."""

    vendor: str
    phone: str
    text: str
    extend: str = ""  #: the destination's last digits, if the carrier tells them
    at: datetime | None = None


Heard = CarrierSaid | Pressed | Replied


class BadCallback(BadInput):
    """The body is not of the form that the vendor documents."""

    code = "bad_callback"


async def hear(heard: Iterable[Heard]) -> None:
    """Do what each of them asks for."""
    for each in heard:
        if isinstance(each, CarrierSaid):
            await carrier_said(each)
        elif isinstance(each, Pressed):
            await _pressed(each)
        elif await by_text(each.phone, each.text, extend=each.extend or None) is None:
            await by_reply(each.phone, each.text, extend=each.extend or None, at=each.at)


async def _pressed(pressed: Pressed) -> None:
    number = pressed.number
    if number is None and pressed.id:
        number = await number_of(pressed.vendor, pressed.id)
    if number is None:
        log.warning("a key for a call we don't know", extra={"vendor": pressed.vendor, "call": pressed.id})
        return
    await by_key(number, pressed.digit, phone=pressed.phone, at=pressed.at)


def heard_in(body: bytes, read: Callable[[Entry], Sequence[Heard]]) -> list[Heard]:
    """What a body says, entry by entry; an array, or one object alone. Raises BadCallback for anything else."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadCallback(N_("回调内容不是 JSON")) from None
    entries = document if isinstance(document, list) else [document]
    if not entries or len(entries) > _MOST_ENTRIES or not all(isinstance(each, dict) for each in entries):
        raise BadCallback(N_("回调内容不是 JSON 对象的数组"))
    heard: list[Heard] = []
    for entry in entries:
        found = read(entry)
        if not found:
            log.info("a callback's entry says nothing we act on", extra={"fields": sorted(entry)[:20]})
        heard += found
    return heard


def field(entry: Entry, *names: str) -> str:
    """The first of these fields that is there, as text."""
    for name in names:
        value = entry.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)[:_LONGEST_FIELD].strip()
    return ""


def flag(entry: Entry, name: str) -> bool:
    """A boolean that may have been written as text."""
    return entry.get(name) is True or str(entry.get(name)).lower() == "true"


def number_in(entry: Entry, *names: str) -> int | None:
    """The attempt's short number, as we gave it to the carrier."""
    return number_of_code(field(entry, *names))


def moment(text: str) -> datetime | None:
    """The carrier's time, China's where it names no zone; None when it can't be read: it is evidence only."""
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=_CHINA).astimezone(UTC)
    except ValueError:
        return None


def keys(entry: Entry, *names: str) -> str:
    """Keys in the order in which they were pressed."""
    return field(entry, *names)[:_MOST_KEYS]
