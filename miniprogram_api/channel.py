"""The `app` channel: a card put into a person's own inbox, from where the phone page reads it.

The rule: for one person, the order of `seq` is the order of commits, because the person's lock is taken before
the number is drawn. A reader who has seen `seq` n has therefore seen everything before it.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from redis.asyncio import Redis

from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.i18n import N_
from backend.core.live import Hint, publish
from backend.core.redis import connect
from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Delivery, Receipt, Refusal

_UNKNOWN: Final = N_("没有这个人员，或已停用")
_AWAY: Final = N_("收件箱暂时无法写入")
# One call for many cards: a fire in a big unit puts hundreds of rows at once. The function (core/db/sql/inbox_*) takes
# the people's locks, then puts; one round trip holds them as short as can be.
_PUT: Final = "select attempt, seq from put_into_inboxes($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_encode = msgspec.json.Encoder().encode


class AppChannel:
    """Puts cards into inboxes and tells the streams that watch them."""

    name = ChannelName.APP
    can_edit = True

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._redis: Redis | None = None

    async def open(self) -> None:
        """Make ready to tell the streams."""
        self._redis = connect(self._url)

    async def close(self) -> None:
        """Give the connection back."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def send(self, delivery: Delivery) -> Receipt:
        """Put a new card. Raises Refusal: permanent if the person is unknown, temporary if the database is away."""
        return _or_raise((await self._put([delivery], is_new=True))[0])

    async def edit(self, delivery: Delivery) -> Receipt:
        """Put the card as it is now; the reader shows the newest of each alarm, and does not ring for it."""
        return _or_raise((await self._put([delivery], is_new=False))[0])

    async def send_many(self, deliveries: Sequence[Delivery]) -> list[Receipt | Refusal]:
        """Put many new cards in one statement; an answer for each, in order."""
        return await self._put(deliveries, is_new=True) if deliveries else []

    async def edit_many(self, deliveries: Sequence[Delivery]) -> list[Receipt | Refusal]:
        """Put many cards as they are now in one statement; an answer for each, in order."""
        return await self._put(deliveries, is_new=False) if deliveries else []

    async def _put(self, deliveries: Sequence[Delivery], *, is_new: bool) -> list[Receipt | Refusal]:
        try:
            put = await _insert(deliveries, is_new=is_new)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return [Refusal(_AWAY, permanent=False) for _ in deliveries]
        persons = sorted({str(each.person) for each in deliveries if each.attempt in put})
        if self._redis is not None and persons:
            await publish(self._redis, Hint(persons=tuple(persons)))
        return [_answer(put.get(each.attempt)) for each in deliveries]


def _lock_of(person: UUID) -> int:
    """The person's lock as PostgreSQL's signed 64-bit key."""
    return int.from_bytes(person.bytes[8:], "big", signed=True)


async def _insert(deliveries: Sequence[Delivery], *, is_new: bool) -> dict[UUID, int]:
    columns: list[list[Any]] = [
        [each.attempt for each in deliveries],
        [each.person for each in deliveries],
        [each.notice for each in deliveries],
        [each.card.alarm for each in deliveries],
        [each.card.revision for each in deliveries],
        [_encode(each.card).decode() for each in deliveries],
    ]
    locks = sorted({_lock_of(each.person) for each in deliveries})
    rows = await fetch(_PUT, locks, *columns, clock.now(), is_new)
    return {row["attempt"]: row["seq"] for row in rows}


def _answer(seq: int | None) -> Receipt | Refusal:
    if seq is None:
        return Refusal(_UNKNOWN, permanent=True)
    return Receipt(surface={"seq": seq})


def _or_raise(answer: Receipt | Refusal) -> Receipt:
    if isinstance(answer, Refusal):
        raise answer
    return answer
