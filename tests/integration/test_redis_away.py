"""Redis may vanish, come back empty, or hang: callers are held up for a moment at most, and hints come back."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from backend.core.announce import Announcer
from backend.core.db.embedded import prepare_valkey
from backend.core.live import Hint, Listener
from backend.core.vocabulary import Lane
from tests.patience import PATIENCE_S


class OwnValkey:
    def __init__(self, home: Path) -> None:
        self.server = prepare_valkey(home)
        self.url = self.server.url
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self.process = subprocess.Popen(self.server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        socket = Path(self.url.removeprefix("unix://"))
        for _ in range(500):
            if socket.exists():
                return
            await asyncio.sleep(0.01)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
async def valkey(servers_home: Path) -> AsyncIterator[OwnValkey]:
    home = servers_home / f"v{uuid4().hex[:6]}"
    home.mkdir()
    one = OwnValkey(home)
    await one.start()
    yield one
    one.stop()


async def hear(listener: Listener, announcer: Announcer, seconds: float = 10) -> Hint:
    """Say it until it is heard: a hint that is lost is no error, one that never comes back is."""
    heard: asyncio.Future[Hint] = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        async for hint in listener.hints(every=0.2):
            if hint is not None and not heard.done():
                heard.set_result(hint)

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(seconds):
            while not heard.done():
                await announcer.announce({}, {}, [Hint(unit="u")])
                await asyncio.wait({heard}, timeout=0.1)
            return await heard
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_hints_come_back_after_redis_was_killed_and_started_empty(valkey: OwnValkey) -> None:
    announcer, listener = Announcer(valkey.url), Listener(valkey.url)
    await announcer.open()
    await listener.start()
    assert (await hear(listener, announcer)).unit == "u"
    valkey.stop()
    await announcer.announce({Lane.FIRE: [uuid4()]}, {}, [Hint(unit="u")])
    await valkey.start()
    assert (await hear(listener, announcer)).unit == "u"
    await listener.stop()
    await announcer.close()


async def test_a_redis_that_hangs_holds_nobody_up_for_long_and_listeners_look_for_themselves(valkey: OwnValkey) -> None:
    announcer, listener = Announcer(valkey.url), Listener(valkey.url)
    await announcer.open()
    await listener.start()
    await hear(listener, announcer)
    valkey.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        for _ in range(20):
            await announcer.announce({Lane.FIRE: [uuid4()]}, {Lane.ROUTINE: [uuid4()]}, [Hint(unit="u")])
        assert time.monotonic() - began < 10
        async with asyncio.timeout(PATIENCE_S):
            async for hint in listener.hints(every=60):
                assert hint is None
                break
    finally:
        valkey.signal(signal.SIGCONT)
    assert (await hear(listener, announcer)).unit == "u"
    await listener.stop()
    await announcer.close()


async def test_streams_end_when_the_listener_stops(valkey: OwnValkey) -> None:
    listener = Listener(valkey.url)
    await listener.start()

    async def drain() -> int:
        return len([hint async for hint in listener.hints(every=60)])

    draining = asyncio.create_task(drain())
    await asyncio.sleep(0.05)
    await listener.stop()
    async with asyncio.timeout(2):
        heard = await draining
    assert heard <= 1, "what it heard before it ended"
