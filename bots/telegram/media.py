"""What comes with a message besides words: photos, voice, files, places. Fetched only when a step wants it.

The rule: how large a file is said to be is asked before it is fetched, and while it is fetched. One that does not come
in time is refused while there is still time to say so: it is no database that is away, and nobody waits for it again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final
from uuid import UUID

from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.types import Message

from backend.chat.model import Heard, Location, Media, MediaKind
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.evidence.model import MOST_OCTETS, is_too_much
from bots.telegram.doing import time_left
from bots.telegram.session import BotApiSession

_TOO_MUCH: Final = N_("文件过大：最多 10 MB")
_NOT_FETCHED: Final = N_("无法从 Telegram 取得该文件，请重新发送")
#: of the time for an update so much is kept for writing down what came, or saying that it did not
_TO_WRITE_S: Final = 2.0


def heard_of(
    message: Message, about: tuple[str, UUID] | None = None, beside: Sequence[Message] = (), *, is_late: bool = False
) -> Heard:
    """A message as the concepts hear it, with those of the same album `beside` it."""
    place = message.location
    said = ((each.text or each.caption or "").strip() for each in (message, *beside))
    return Heard(
        text="\n".join(text for text in said if text),
        media=tuple(each for piece in (message, *beside) for each in _media_of(piece)),
        is_late=is_late,
        lacks=any(piece.video or piece.video_note for piece in (message, *beside)),
        location=None if place is None else Location(place.latitude, place.longitude),
        about=about,
        sent_at=message.date,
    )


def _media_of(message: Message) -> Iterator[Media]:
    bot = message.bot
    assert bot is not None
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        yield _media(bot, MediaKind.PHOTO, largest.file_id, f"{largest.file_unique_id}.jpg", largest.file_size)
    if message.voice:
        voice = message.voice
        yield _media(bot, MediaKind.VOICE, voice.file_id, f"{voice.file_unique_id}.ogg", voice.file_size)
    if message.audio:
        audio = message.audio
        yield _media(bot, MediaKind.VOICE, audio.file_id, audio.file_name or audio.file_unique_id, audio.file_size)
    if message.document:
        paper = message.document
        yield _media(bot, MediaKind.DOCUMENT, paper.file_id, paper.file_name or paper.file_unique_id, paper.file_size)


def _media(bot: Bot, kind: MediaKind, file_id: str, name: str, size: int | None) -> Media:
    return Media(kind=kind, name=name, declared_octets=size or 0, fetch=_fetching(bot, file_id, size or 0))


def _fetching(bot: Bot, file_id: str, declared: int) -> Callable[[], Awaitable[bytes]]:
    async def fetch() -> bytes:
        """The octets. Raises Refused where there are too many, or Telegram hands them out no more."""
        if is_too_much(declared):
            raise BadInput(_TOO_MUCH)
        left = time_left()
        try:
            async with asyncio.timeout(None if left is None else max(0.0, left - _TO_WRITE_S)):
                file = await bot.get_file(file_id)
                if not file.file_path or not isinstance(bot.session, BotApiSession):
                    raise BadInput(_NOT_FETCHED)
                octets = await bot.session.fetch(bot, file.file_path, MOST_OCTETS)
        except (AiogramError, TimeoutError) as error:
            raise BadInput(_NOT_FETCHED) from error
        if octets is None:
            raise BadInput(_TOO_MUCH)
        return octets

    return fetch
