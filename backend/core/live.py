"""Live events: hints that something changed, over Redis. A hint is never the truth: its reader reads the rows.

When Redis is away, `Listener` falls back to a slow tick, so that pages stay right and only get slower.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from redis.asyncio import Redis

from backend.core.redis import RedisError, connect

_TOPIC: Final = "fenghuo:live"
_TICK_S: Final = 1.0
_PATIENCE_S: Final = 3.0
log = logging.getLogger(__name__)


#: what a hint may be about beside a unit or an alarm
COMPLAINT: Final = "complaint"


class Hint(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something changed: for these persons' inboxes, or for everybody who watches this unit.

    `about`: "complaint" is for whoever handles those too, though they may see no unit.
    """

    persons: tuple[str, ...] = ()
    unit: str = ""
    alarm: str = ""
    about: str = ""


_END: Final = Hint(unit="the end")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Hint).decode


async def publish(redis: Redis, *hints: Hint) -> None:
    """Tell whoever listens. A Redis that is away is logged and forgotten."""
    try:
        async with redis.pipeline(transaction=False) as pipeline:
            for hint in hints:
                pipeline.publish(_TOPIC, _encode(hint))
            await pipeline.execute()
    except (RedisError, OSError) as error:
        log.warning("hint not published", extra={"error": type(error).__name__})


class Listener:
    """One subscription a process, shared by all its streams."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: set[asyncio.Queue[Hint | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    async def start(self) -> None:
        """Begin to listen."""
        self._is_over = False
        self._task = asyncio.create_task(self._run(), name="live-listener")

    async def stop(self) -> None:
        """End all streams: their readers' loops end, and one that begins now ends at once."""
        self._is_over = True
        for queue in self._waiting:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(_END)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("live listener lost Redis", extra={"error": type(error).__name__})
            self._spread(None)
            await asyncio.sleep(_TICK_S)

    async def _listen(self) -> None:
        """Until Redis is away. One that takes connections and answers nothing is away too: it is pinged when silent."""
        client = connect(self._url, timeout=None)
        try:
            async with client.pubsub() as pubsub, asyncio.timeout(_PATIENCE_S) as patience:
                await pubsub.subscribe(_TOPIC)
                self._spread(None)
                while True:
                    message = await pubsub.get_message(timeout=_TICK_S)
                    if message is None:
                        await pubsub.ping()
                        continue
                    patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
                    if message["type"] == "message":
                        self._spread(_decode(message["data"]))
        finally:
            await client.aclose()

    def _spread(self, hint: Hint | None) -> None:
        for queue in self._waiting:
            if not queue.full():
                queue.put_nowait(hint)

    async def hints(self, *, every: float = 10.0) -> AsyncIterator[Hint | None]:
        """Hints as they come; None means "look yourself" (a reconnect, or `every` seconds without a hint)."""
        queue: asyncio.Queue[Hint | None] = asyncio.Queue(maxsize=1000)
        self._waiting.add(queue)
        try:
            while not self._is_over:
                try:
                    hint = await asyncio.wait_for(queue.get(), every)
                except TimeoutError:
                    hint = None
                if hint is _END:
                    return
                yield hint
        finally:
            self._waiting.discard(queue)
