"""An arq worker that wakes when it is rung, instead of asking Redis two hundred times a second.

arq only polls: 5 ms apart costs a tenth of a core for nothing, 50 ms apart costs the fire 25 ms. The doorbell
publishes beside each job; this worker looks at once, and every 50 ms all the same.
"""

import asyncio
from typing import Any, Final

from arq.worker import Worker
from redis.asyncio.client import PubSub

_TICK_S: Final = 1.0


class RungWorker(Worker):
    """arq's worker with a bell. `rings` is subscribed to the lane's topic; `poll_delay` is the longest wait."""

    def __init__(self, *, rings: PubSub, **settings: Any) -> None:
        super().__init__(**settings)
        self._rings = rings
        self._rung = asyncio.Event()

    async def main(self) -> None:
        """Look, wait for a ring or the poll's time, look again. Raises what Redis raises when it goes."""
        listening = asyncio.create_task(self._listen(), name="rings")
        try:
            while not listening.done():
                self._rung.clear()
                await self._poll_iteration()
                await self._wait()
            listening.result()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.poll_delay_s):
                await self._rung.wait()
        except TimeoutError:
            return

    async def _listen(self) -> None:
        while True:
            message = await self._rings.get_message(ignore_subscribe_messages=True, timeout=_TICK_S)
            if message is not None:
                self._rung.set()
