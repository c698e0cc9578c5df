"""Group commit: items that wait while one flush runs go into the next one together.

Latency stays that of one flush, throughput that of many rows a transaction. Nothing waits for company: the
first item of an idle batcher is flushed at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

#: a batcher whose last flush ended this lately is busy
_BUSY_S: Final = 0.03
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects items and flushes them in order, one flush at a time.

    `flush` answers one result an item; an exception among them is raised for its own sender. When it raises,
    every item of the batch gets that exception; what to do
    about a poisoned item is the flush's own affair. `linger_s`: wait this long for company, where nobody waits for
    the answer but a record.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        most: int,
        name: str,
        linger_s: float = 0.0,
        lingers_idle: bool = True,
    ) -> None:
        self._flush = flush
        self._most = most
        self._name = name
        self._linger_s = linger_s
        self._lingers_idle = lingers_idle
        self._ended_at = -_BUSY_S
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Begin to flush."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Flush what waits, then end."""
        self._stopping = True
        await self._idle.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _is_busy(self) -> bool:
        return time.monotonic() - self._ended_at < _BUSY_S

    @property
    def waiting(self) -> int:
        """How many items wait; what a sender looks at to slow down."""
        return len(self._waiting)

    def post(self, item: Item) -> "asyncio.Future[Result]":
        """Hand over an item; the future answers when its flush is done."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._idle.clear()
        self._woken.set()
        return future

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            if self._linger_s and not self._stopping and (self._lingers_idle or self._is_busy()):
                await asyncio.sleep(self._linger_s)
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            if not self._waiting:
                self._woken.clear()
            if batch:
                await self._settle(batch)
                self._ended_at = time.monotonic()
            if not self._waiting:
                self._idle.set()

    async def _settle(self, batch: list[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - each waiting sender is told; none may wait for ever
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
