"""The heartbeat outside: a watcher hears from us only while alarms come in and go out, and can prove it was us."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute
from backend.core.settings import HeartbeatSection, Secret
from backend.delivery.audit_checks import CHECKS
from backend.delivery.auditor import Auditor
from backend.delivery.heartbeat import Heartbeat, signature
from backend.monitoring.model import Level, StateSaid, Subject

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE = 1 << 1
SECRET = "between us"


class Watcher:
    """A real HTTP server on loopback that remembers what it was sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.status = b"200 OK"

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._take, "127.0.0.1", 0)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.heard.append((head[0], headers, body))
        writer.write(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def lives(*names: str) -> None:
    for pid, name in enumerate(names):
        await execute(
            """insert into process_beats values ($1, 'h', $2, $3, $3)
               on conflict (host, pid) do update set at = excluded.at""",
            name,
            pid,
            clock.now(),
        )


@pytest.fixture
def still() -> Any:
    with clock.use(StillClock(datetime.now(UTC))) as one:
        yield one


@pytest.fixture
async def watcher() -> AsyncIterator[tuple[Watcher, str]]:
    one = Watcher()
    server = await one.serve()
    port = server.sockets[0].getsockname()[1]
    yield one, f"http://127.0.0.1:{port}/ping"
    server.close()
    await server.wait_closed()


async def test_it_goes_out_signed_while_all_is_well_and_stops_when_no_fire_worker_lives(
    still: StillClock, door: Any, watcher: tuple[Watcher, str]
) -> None:
    outside, url = watcher
    auditor = Auditor(CHECKS)
    heartbeat = Heartbeat(HeartbeatSection(url=Secret(url), secret=Secret(SECRET)), lambda: auditor.age_s)
    await lives("gateway", "fire", "routine")
    assert not await heartbeat.beat(), "the auditor has not looked yet"
    await auditor.look()
    assert await heartbeat.beat()
    ((line, headers, body),) = outside.heard
    assert line == "POST /ping HTTP/1.1"
    assert headers["x-fenghuo-signature"] == f"sha256={signature(SECRET, headers['x-fenghuo-timestamp'], body)}"
    said = msgspec.json.decode(body)
    assert (said["status"], said["processes"]) == ("well", ["fire", "gateway", "routine"])

    still.advance(timedelta(seconds=9))
    await lives("gateway")
    await auditor.look()
    assert not await heartbeat.beat()
    await lives("gateway", "fire")
    assert await heartbeat.beat()
    assert len(outside.heard) == 2
    await heartbeat.close()


async def test_it_stops_while_an_attempt_lies_about_and_when_the_auditors_pass_is_old(
    still: StillClock, door: Any, watcher: tuple[Watcher, str]
) -> None:
    outside, url = watcher
    auditor = Auditor(CHECKS)
    heartbeat = Heartbeat(HeartbeatSection(url=Secret(url), method="get"), lambda: auditor.age_s)
    await lives("gateway", "fire")
    await auditor.look()
    assert await heartbeat.beat()
    assert outside.heard[0][0] == "GET /ping HTTP/1.1"
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    still.advance(timedelta(seconds=2))
    await auditor.look()
    assert not await heartbeat.beat()
    await execute("update attempts set state = 'skipped'")
    assert await heartbeat.beat()
    still.advance(timedelta(seconds=11))
    await lives("gateway", "fire")
    assert not await heartbeat.beat()
    await heartbeat.close()


async def test_a_watcher_that_refuses_or_is_away_disturbs_nothing(
    still: StillClock, door: Any, watcher: tuple[Watcher, str]
) -> None:
    outside, url = watcher
    outside.status = b"503 Service Unavailable"
    for address in (url, "http://127.0.0.1:9/nobody"):
        heartbeat = Heartbeat(HeartbeatSection(url=Secret(address)), lambda: 0.0)
        await lives("gateway", "fire")
        assert not await heartbeat.beat()
        await heartbeat.close()
