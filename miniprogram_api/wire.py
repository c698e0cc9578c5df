"""What travels under `/mp/v1`: bodies (`In`, unknown fields refused) and answers (`Out`), all in snake_case."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from backend.alarms.model import HistoryLine
from backend.core.vocabulary import Verdict, Via
from backend.delivery.model import Card
from miniprogram_api.inbox import InboxItem

MOST_ATTEMPTS = 500


class In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body; a field nobody knows is refused by name."""


class SessionIn(In, frozen=True, kw_only=True):
    """A one-time code of purpose `phone`."""

    code: Annotated[str, Meta(min_length=1, max_length=200)]


class VerdictIn(In, frozen=True, kw_only=True):
    """What was found on the spot (处置结论)."""

    verdict: Verdict
    note: Annotated[str, Meta(max_length=500)] = ""


class ReceivedIn(In, frozen=True, kw_only=True):
    """Attempts whose cards the phone has shown."""

    attempts: Annotated[list[UUID], Meta(max_length=MOST_ATTEMPTS)]


class PersonOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in."""

    id: UUID
    code: str
    name: str
    language: str
    is_provider: bool
    units: list[UUID]


class SessionOut(msgspec.Struct, frozen=True, kw_only=True):
    """The token, told once."""

    token: str
    person: PersonOut


class TelegramLinkOut(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time way to bind a Telegram chat: the link that opens the bot, or what to send to it."""

    code: str
    command: str  #: to send to the bot by hand
    typed_code: str  #: to type to the bot by hand: `/link` and this, or this alone
    link: str | None  #: None: the settings don't name the bot
    expires_at: datetime
    lasts_s: int  #: how long the code lasts, whatever the phone believes the time is


class AcknowledgedOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who knows since when; a second tap gets the first one's answer."""

    is_new: bool  #: False: this person had acknowledged before; `at` and `via` are of then
    at: datetime
    via: Via
    known_by: list[str]
    sentence: str


class VerdictOut(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict was recorded."""

    verdict: Verdict
    sentence: str


class RealOut(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody is told."""

    sentence: str


class InboxOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the inbox; ask again with `after` = `next_after` while `is_more`."""

    items: list[InboxItem]
    next_after: int
    is_more: bool


class ReceivedOut(msgspec.Struct, frozen=True, kw_only=True):
    """How many receipts were stamped."""

    received: int


class AlarmOut(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as its card shows it, and its story."""

    card: Card
    history: list[HistoryLine]
