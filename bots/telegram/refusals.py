"""What a failure of the Bot API means for a delivery: one table, the first match wins."""

from typing import Final

import msgspec
from aiogram.exceptions import (
    AiogramError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)

from backend.delivery.model import Refusal

#: how long the channel rests when the token is refused: nothing gets better by itself before somebody acts
TOKEN_REST_S: Final = 60.0
#: what `send` and `edit` turn into a Refusal; all the session can raise, and its own time limit
CARRIER_FAILURES: Final = (AiogramError, TimeoutError, OSError)
NOT_MODIFIED: Final = "message is not modified"
#: of a tap that was not answered within seconds
TOO_OLD: Final = "query is too old"
#: of a group's topic that is gone, or closed to all but its administrators
NO_TOPIC: Final = ("message thread not found", "topic_deleted", "topic_closed")


class HeldBack(AiogramError):  # noqa: N818 - an answer that waits is no error
    """Our own limits have no room for this answer in time."""


class Meaning(msgspec.Struct, frozen=True):
    """A row of the table: the failure's class, a part of its sentence (empty: any), and what follows."""

    failure: type[Exception]
    sentence: str = ""
    permanent: bool = False
    contact_is_dead: bool = False
    hold_channel: bool = False


_DEAD_CHATS: Final = (
    "chat not found",
    "chat_id is empty",
    "user not found",
    "user is deactivated",
    "peer_id_invalid",
    "chat_write_forbidden",
    "have no rights to send",
    "not enough rights to send",
)
MEANINGS: Final = (
    Meaning(TelegramRetryAfter, hold_channel=True),
    Meaning(TelegramForbiddenError, permanent=True, contact_is_dead=True),
    Meaning(TelegramUnauthorizedError, permanent=True, hold_channel=True),
    Meaning(TelegramNotFound, permanent=True, hold_channel=True),  # so a token of wrong form is answered
    *(Meaning(TelegramBadRequest, each, permanent=True, contact_is_dead=True) for each in _DEAD_CHATS),
    Meaning(TelegramBadRequest, permanent=True),
    Meaning(TelegramEntityTooLarge, permanent=True),
    Meaning(Exception),  # a moved group, another poller, 5xx, network, time: tried again
)


def meaning_of(failure: Exception) -> Meaning:
    """The first row that fits."""
    sentence = str(failure).lower()
    return next(row for row in MEANINGS if isinstance(failure, row.failure) and row.sentence in sentence)


def refusal_of(failure: Exception) -> Refusal:
    """The Refusal to raise for a failure. Its reason holds no token: the session sees to that."""
    meaning = meaning_of(failure)
    return Refusal(
        _reason(failure),
        permanent=meaning.permanent,
        retry_after=_rest_of(failure, meaning),
        contact_is_dead=meaning.contact_is_dead,
        hold_channel=meaning.hold_channel,
    )


def _rest_of(failure: Exception, meaning: Meaning) -> float | None:
    if isinstance(failure, TelegramRetryAfter):
        return float(failure.retry_after)
    return TOKEN_REST_S if meaning.hold_channel else None


def _reason(failure: Exception) -> str:
    if isinstance(failure, TelegramAPIError):
        return f"Telegram: {failure.message}"
    return f"Telegram: {type(failure).__name__}"
