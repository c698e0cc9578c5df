"""An arq worker that wakes when it is rung, instead of asking Redis two hundred times a second.

arq only polls: 5 ms apart costs a tenth of a core for nothing, 50 ms apart costs a fire 25 ms. The doorbell pushes
a token beside each job; one waiting worker takes it and looks at once, the others sleep on. Every 50 ms they
look all the same.
"""

from collections.abc import Awaitable
from typing import Any, cast

from arq.worker import Worker
from redis.asyncio import Redis


class RungWorker(Worker):
    """arq's worker with a bell: `topic` is the lane's list of tokens, `poll_delay` the longest wait."""

    def __init__(self, *, bell: Redis, topic: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._bell = bell
        self._topic = topic

    async def main(self) -> None:
        """Look, wait for a ring or the poll's time, look again. Raises what Redis raises when it goes."""
        while True:
            await self._poll_iteration()
            await cast("Awaitable[object]", self._bell.blpop([self._topic], timeout=cast("int", self.poll_delay_s)))
