"""Binding a chat to a person: the deep link, and how an account is shown without showing it.

The rule: the link carries a one-time code (people.service.new_code, 160 random bits, 10 minutes, one use) and
nothing else; Telegram allows 64 characters of A-Za-z0-9_- there.
"""

import re
from typing import Final

from aiogram.types import User

from backend.core.ids import typed_code

_PAYLOAD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN: Final = 2


def deep_link(bot_username: str, code: str) -> str:
    """The address that opens the bot and hands it `code`. Raises ValueError for a code no link can carry."""
    if not is_payload(code):
        raise ValueError("a deep link carries 1 to 64 characters of A-Za-z0-9_-")
    return f"https://t.me/{bot_username}?start={code}"


def code_in(text: str) -> str | None:
    """The code that a message brings: behind `/link`, or alone. None: it brings none."""
    words = text.strip()
    if words.split(maxsplit=1)[:1] == ["/link"]:
        rest = words.removeprefix("/link").strip()
        return typed_code(rest) or (rest if is_payload(rest) else None)
    return typed_code(words)


def is_payload(text: str) -> bool:
    """Whether `text` can have come from a deep link of ours."""
    return _PAYLOAD.fullmatch(text) is not None


def masked_account(user: User) -> str:
    """The account as its owner knows it and nobody else can use it: @ab***z, 王**."""
    if user.username:
        name = user.username
        return f"@{name[:_SHOWN]}***{name[-1]}"
    return f"{user.first_name[:1]}**"
