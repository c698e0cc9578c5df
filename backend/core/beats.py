"""Beats: each process says every few seconds that it is alive, so that another can tell when one is missing.

The rule: a beat is one small statement beside the work, and its failure never disturbs anything. A process that
ends as it was told takes its row with it; one that was killed leaves a row that grows old.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from backend.core import clock
from backend.core.db.engine import SERVER_AWAY, execute, fetch

log = logging.getLogger(__name__)

_EVERY_S: Final = 2.0
_PATIENCE_S: Final = 1.0
#: no beat for this long: the process is dead, or its loop stands still
SILENT_AFTER: Final = timedelta(seconds=8)
#: what a whole house has (`fenghuo up`); the bot rests where there is no token and is missed only where it was seen
EXPECTED: Final = ("gateway", "fire", "routine", "web", "auditor")
_OPTIONAL_FOR: Final = timedelta(hours=1)
_FORGOTTEN_AFTER: Final = timedelta(days=1)

_BEAT: Final = """
    insert into process_beats as b (name, host, pid, started_at, at, ails) values ($1, $2, $3, $4, $5, $6)
    on conflict (host, pid) do update set name = excluded.name, started_at = excluded.started_at, at = excluded.at,
        ails = excluded.ails"""
_END: Final = "delete from process_beats where host = $1 and pid = $2"
_FORGET: Final = "delete from process_beats where at < $1"


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """A process, when it was last known to live, and what it then could not use."""

    name: str
    host: str
    pid: int
    at: datetime
    ails: tuple[str, ...] = ()


#: what this process can't use just now, such as a vendor that does not answer: "sms/aliyun"
_AILS: Final[set[str]] = set()


def ail(what: str, *, is_ill: bool) -> None:
    """Note that something this process works with is ill, or well again; its next beat says so."""
    (_AILS.add if is_ill else _AILS.discard)(what)


def ailing(beats: Iterable[Beat], now: datetime) -> tuple[str, ...]:
    """What any living process can't use now."""
    return tuple(sorted({what for each in beats if each.at >= now - SILENT_AFTER for what in each.ails}))


def alive(beats: Sequence[Beat], now: datetime) -> frozenset[str]:
    """Names of which at least one process lives."""
    return frozenset(each.name for each in beats if each.at >= now - SILENT_AFTER)


def missing(beats: Sequence[Beat], now: datetime) -> tuple[str, ...]:
    """Names that a whole house has and that no living process bears; also what was killed within the last hour."""
    living = alive(beats, now)
    seen = {each.name for each in beats if each.at >= now - _OPTIONAL_FOR}
    return tuple(name for name in (*EXPECTED, *sorted(seen - set(EXPECTED))) if name not in living)


async def beats() -> list[Beat]:
    """Every process that wrote a beat lately."""
    return msgspec.convert(await fetch("select name, host, pid, at, ails from process_beats"), list[Beat])


async def beat(name: str, started_at: datetime) -> None:
    """Say once that this process is alive."""
    await execute(_BEAT, name, socket.gethostname(), os.getpid(), started_at, clock.now(), sorted(_AILS))


async def forget_dead() -> None:
    """Rows of processes that died a day ago tell nobody anything."""
    await execute(_FORGET, clock.now() - _FORGOTTEN_AFTER)


@asynccontextmanager
async def beating(name: str) -> AsyncIterator[None]:
    """This process's beats, for the length of the process; the pool must be open."""
    beating_on = asyncio.create_task(_beat_on(name, clock.now()), name="beats")
    try:
        yield
    finally:
        beating_on.cancel()
        await asyncio.gather(beating_on, return_exceptions=True)
        await _quietly(execute(_END, socket.gethostname(), os.getpid()))


async def _beat_on(name: str, started_at: datetime) -> None:
    while True:
        await _quietly(beat(name, started_at))
        await asyncio.sleep(_EVERY_S)


async def _quietly(writing: Awaitable[object]) -> None:
    """A database that is away has others to tell of it."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await writing
    except (*SERVER_AWAY, asyncpg.PostgresError) as error:
        log.info("no beat written", extra={"error": type(error).__name__})
