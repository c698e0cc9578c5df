"""Open streams end cleanly: when the process is told to stop, and when their session is revoked."""

import asyncio
import logging
import socket
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import close_database, open_database
from backend.core.live import Hint, Listener
from backend.core.settings import Database, Http, RedisSection, Secret, Settings
from backend.main import web
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import close_session, open_session, person_of_session
from backend.registry.importing import import_path
from miniprogram_api.stream import stream
from tests.patience import PATIENCE_S

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def wang_s_token(database_url: str) -> str:
    await open_database(database_url)
    try:
        await import_path(SAMPLE)
        return await open_session((await person_by_code("wang")).id, SessionKind.PHONE, "test")
    finally:
        await close_database()


async def read_to_the_end(address: str, token: str, begun: asyncio.Event) -> bytes:
    """A stream that is cut instead of ended raises here."""
    heard = b""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
        client.stream("GET", f"{address}/mp/v1/inbox/live", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        async for octets in answer.aiter_bytes():
            heard += octets
            begun.set()
    return heard


async def test_a_web_process_that_is_told_to_stop_ends_its_streams_and_complains_of_nothing(
    database_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = await wang_s_token(database_url)
    settings = Settings(
        database=Database(url=Secret(database_url)),
        redis=RedisSection(url=Secret(redis_url)),
        http=Http(port=free_port()),
    )
    stop, address = asyncio.Event(), f"http://127.0.0.1:{settings.http.port}"
    with caplog.at_level(logging.WARNING):
        serving = asyncio.create_task(web(settings, stop))
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(300):
                try:
                    await client.get(f"{address}/health/live")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
        begun = [asyncio.Event() for _ in range(3)]
        readers = [asyncio.create_task(read_to_the_end(address, token, each)) for each in begun]
        await asyncio.wait_for(asyncio.gather(*(each.wait() for each in begun)), PATIENCE_S)
        stop.set()
        heard = await asyncio.wait_for(asyncio.gather(*readers), PATIENCE_S)
        await asyncio.wait_for(serving, PATIENCE_S)
    assert all(b"event: alive" in each for each in heard)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_listener_that_was_stopped_ends_a_stream_that_begins(redis_url: str) -> None:
    listener = Listener(redis_url)
    await listener.start()
    await listener.stop()
    assert [hint async for hint in listener.hints(every=1)] == []


@pytest.mark.usefixtures("database")
async def test_a_revoked_session_s_stream_ends(redis_url: str) -> None:
    await import_path(SAMPLE)
    wang = await person_by_code("wang")
    token = await open_session(wang.id, SessionKind.PHONE, "test")
    listener = Listener(redis_url)  # not started: this test speaks in its place
    hint = Hint(unit=str(next(iter(wang.units))), alarm="a")
    still = StillClock(clock.now())
    with clock.use(still):
        events = stream(wang, 0, listener, lambda: person_of_session(token))
        assert b"retry" in await anext(events)

        async def hears() -> bytes:
            waiting = asyncio.ensure_future(anext(events, b""))
            while not waiting.done():
                listener._spread(hint)
                still.advance(timedelta(seconds=0.6))  # hints of half a second become one word
                await asyncio.wait({waiting}, timeout=0.2)
            return waiting.result()

        assert b"event: changed" in await hears()
        still.advance(timedelta(seconds=6))
        assert b"event: changed" in await hears()
        await close_session(token)
        still.advance(timedelta(seconds=6))
        assert await hears() == b""  # its end
