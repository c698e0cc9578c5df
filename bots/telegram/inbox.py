"""Updates as rows: stored before they are handled, so a crash loses none and a repetition does nothing.

The rule: the first to store an update_id has it handled; `chat_updates` is the only memory of that.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.vocabulary import Channel
from bots.telegram.albums import Album

LOGGER = logging.getLogger(__name__)
#: Telegram itself keeps updates for a day; an older tap is no longer what somebody wants now
WORTH_HANDLING: Final = timedelta(hours=24)
#: bodies hold names and words of people: kept only as long as a repetition could come, with room
KEPT: Final = timedelta(days=7)
_PICKED_UP_AT_ONCE: Final = 500

_STORE: Final = """
insert into chat_updates (channel, update_id, received_at, body) values ($1, $2, $3, $4::jsonb)
on conflict (channel, update_id) do nothing returning update_id
"""
_MARK_HANDLED: Final = """
update chat_updates set handled_at = $3 where channel = $1 and update_id = any($2) and handled_at is null
"""
_WAITING: Final = """
select body from chat_updates
where channel = $1 and handled_at is null and received_at between $2 and $3 order by update_id limit $4
"""
#: numbers of an album's pieces follow each other; what others wrote meanwhile lies between
_NEAR: Final = 500
_TAKE_ALBUM: Final = """
with album as materialized (
    select update_id, handled_at, together_with from chat_updates
    where channel = $1 and update_id between $2::bigint - $5::int and $2::bigint + $5::int
        and body -> 'message' ->> 'media_group_id' = $3
        and body -> 'message' -> 'chat' ->> 'id' = $4
    order by update_id for update),
taken as (
    update chat_updates u set together_with = $2 from album a
    where u.channel = $1 and u.update_id = a.update_id and a.handled_at is null
        and coalesce(a.together_with, $2) = $2
        and exists (select from album own where own.update_id = $2 and coalesce(own.together_with, $2) = $2)
    returning u.update_id, u.body)
select body, exists (select from album where handled_at is not null) as is_late from taken order by update_id
"""
_FORGET: Final = "delete from chat_updates where channel = $1 and received_at < $2"


class Inbox(Protocol):
    """Where updates are stored."""

    async def store(self, update_id: int, body: dict[str, Any]) -> bool:
        """Store one; whether it is new."""
        ...

    async def mark_handled(self, *update_ids: int) -> None:
        """They need no handling any more: all of them, or after a crash none."""
        ...

    async def take_album(self, update_id: int, chat: int, group: str) -> Album:
        """The pieces of an album that wait, for this one of them to be handled with; none: another has this one."""
        ...

    async def waiting(self, older_than: timedelta) -> Sequence[dict[str, Any]]:
        """Stored, not handled, and at least so old; oldest first."""
        ...

    async def forget(self) -> None:
        """Let go of what no repetition can concern any more."""
        ...


class PostgresInbox:
    """The Inbox in table `chat_updates`."""

    async def store(self, update_id: int, body: dict[str, Any]) -> bool:
        """One insert; the primary key tells new from repeated. A NUL, which jsonb can't hold, becomes U+FFFD."""
        text = msgspec.json.encode(body).decode().replace("\\u0000", "\\ufffd")
        row = await fetch_one(_STORE, Channel.TELEGRAM, update_id, clock.now(), text)
        return row is not None

    async def mark_handled(self, *update_ids: int) -> None:
        """Stamp them; the first stamp stays."""
        if update_ids:
            await execute(_MARK_HANDLED, Channel.TELEGRAM, list(update_ids), clock.now())

    async def take_album(self, update_id: int, chat: int, group: str) -> Album:
        """One update of all its rows; what this piece took before, it takes again after a crash."""
        rows = await fetch(_TAKE_ALBUM, Channel.TELEGRAM, update_id, group, str(chat), _NEAR)
        pieces = [msgspec.json.decode(row["body"], type=dict[str, Any]) for row in rows]
        return Album(pieces=pieces, is_late=any(row["is_late"] for row in rows))

    async def waiting(self, older_than: timedelta) -> Sequence[dict[str, Any]]:
        """Those of the last 24 h that nobody finished, a bounded number of them."""
        now = clock.now()
        rows = await fetch(_WAITING, Channel.TELEGRAM, now - WORTH_HANDLING, now - older_than, _PICKED_UP_AT_ONCE)
        return [msgspec.json.decode(row["body"], type=dict[str, Any]) for row in rows]

    async def forget(self) -> None:
        """Delete rows older than a week."""
        await execute(_FORGET, Channel.TELEGRAM, clock.now() - KEPT)
