"""Callbacks to the customer: what was told, what it answered; held back, doubled, turned round when a test asks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import httpx
import msgspec

_TIMEOUT_S: Final = 5.0


class Push(msgspec.Struct, kw_only=True):
    """One callback: its address's last part, its body, and the customer's answer, 0 while it has none."""

    kind: str
    body: Any
    status: int = 0
    answer: Any = None
    is_taken: bool = False


class Telling:
    """What a carrier tells beside the request that caused it."""

    def __init__(self) -> None:
        self._telling: set[asyncio.Task[None]] = set()

    def soon(self, telling: Coroutine[Any, Any, None]) -> None:
        """Tell it beside the request that caused it, as carriers do."""
        task = asyncio.create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def settled(self) -> None:
        """Everything that was to be told has been told."""
        while self._telling:
            await asyncio.gather(*self._telling)

    async def close(self) -> None:
        """End what is being told."""
        for task in tuple(self._telling):
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)


class Pushing(Telling):
    """The callbacks of one account. `is_taken` says whether an answer means "received"."""

    def __init__(self, hooks: str, is_taken: Callable[[Any], bool], client: httpx.AsyncClient | None = None) -> None:
        super().__init__()
        self.hooks = hooks.rstrip("/")  #: the customer's address, empty: it has none, and nothing is told
        self.is_holding = False
        self.done: list[Push] = []
        self.held: list[Push] = []
        self._is_taken = is_taken
        self._client = client

    async def tell(self, kind: str, body: Any) -> None:
        """Call back, or keep it back while `is_holding`."""
        push = Push(kind=kind, body=body)
        if self.is_holding or not self.hooks:
            self.held.append(push)
        else:
            await self._send(push)

    async def let_go(self, *, times: int = 1, is_reversed: bool = False) -> list[Push]:
        """Send what was kept back: each so many times, the last one first if asked."""
        held, self.held = self.held, []
        sent = [
            Push(kind=push.kind, body=push.body)
            for push in (reversed(held) if is_reversed else held)
            for _ in range(times)
        ]
        for push in sent:
            await self._send(push)
        return sent

    async def close(self) -> None:
        """End what is being told, give connections back."""
        await super().close()
        if self._client is not None:
            await self._client.aclose()

    async def _send(self, push: Push) -> None:
        self.done.append(push)
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False)
        try:
            answer = await self._client.post(f"{self.hooks}/{push.kind}", content=msgspec.json.encode(push.body))
        except httpx.HTTPError:
            return
        push.status = answer.status_code
        try:
            push.answer = msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            return
        push.is_taken = answer.is_success and self._is_taken(push.answer)
