"""Albums: photos that a person sends at once come as a message each, and are heard as one.

The rule: whichever piece is handled first takes the others along, by the rows of the inbox, so that of two processes
one does. A piece that comes after its album was answered is said to be late, and is never taken for words of its own.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiogram import Bot
from aiogram.types import Message, Update

#: how long the first piece waits for the others; Telegram hands them out together, some in the next batch
ALBUM_S: Final = 0.7


class Album(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces of an album that one handling takes, oldest first; empty: another piece's took this one along."""

    pieces: Sequence[dict[str, Any]] = ()
    is_late: bool = False  #: other pieces were answered before these came


def album_of(raw: dict[str, Any]) -> tuple[int, str] | None:
    """The chat and the group that a piece of an album names; None for anything else."""
    said = raw.get("message")
    group, chat = (said.get("media_group_id"), said.get("chat")) if isinstance(said, dict) else (None, None)
    number = chat.get("id") if isinstance(chat, dict) else None
    return (number, group) if isinstance(group, str) and group and isinstance(number, int) else None


def beside(pieces: Sequence[dict[str, Any]], bot: Bot) -> list[Message]:
    """The messages of the pieces after the first; one that can't be read is left out."""
    found: list[Message] = []
    for raw in pieces[1:]:
        try:
            message = Update.model_validate(raw, context={"bot": bot}).message
        except ValueError:
            continue
        found += [message] if message is not None else []
    return found
