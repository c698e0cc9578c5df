"""People's phones: what they show, and what their owners do. Loaded by conftest, handed out by the street."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from backend.demo.carriers.telegram import BotApiServer, MessageView

PROMISED_S = 5.0  #: what runs alone is held to it


class TelegramPhone:
    """A person's Telegram, at the carrier."""

    def __init__(self, carrier: BotApiServer, account: int) -> None:
        self.carrier = carrier
        self.account = account

    def messages(self, text: str = "") -> list[MessageView]:
        view = self.carrier.chat_view(self.account)
        return [each for each in view.messages if each.is_from_bot and text in each.text]

    async def _until(self, ask: Callable[[], Any], within: float) -> Any:
        async with asyncio.timeout(within):
            while not (found := ask()):
                await self.carrier.wait_change(self.carrier.version, seconds=within)
        return found

    async def expects(self, *texts: str, within: float = PROMISED_S) -> MessageView:
        """The latest message of the bot that holds all of `texts`, now or before the time is over."""

        def ask() -> list[MessageView]:
            return [each for each in self.messages(texts[0]) if all(text in each.text for text in texts)]

        try:
            found: list[MessageView] = await self._until(ask, within)
        except TimeoutError:
            shown = "\n---\n".join(each.text for each in self.messages()[-3:])
            raise AssertionError(f"no message with {texts} within {within} s; the last ones:\n{shown}") from None
        return found[-1]

    async def taps(self, button: str, message: MessageView, *, within: float = PROMISED_S) -> str:
        """Tap the button that holds `button`, as soon as it is there; answers what pops up."""

        def labels() -> list[str]:
            now = next(each for each in self.messages() if each.message_id == message.message_id)
            return [each.text for row in now.buttons for each in row if button in each.text]

        label = (await self._until(labels, within))[0]
        press = self.carrier.act.press(self.account, message.message_id, text=label)

        def ask() -> list[str]:
            shown = self.carrier.chat_view(self.account).notifications
            return [each.text for each in shown if each.callback_query_id == press]

        return str((await self._until(ask, within))[0])


class AppPhone:
    """A person's phone page, by its API: a live inbox that reconnects and replays, and answers."""

    def __init__(self, base: str, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False
        )
        self.items: list[dict[str, Any]] = []  #: as they came; `arrived` is the monotonic second
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen(), name="phone")

    async def _listen(self) -> None:
        while True:
            after = self.items[-1]["seq"] if self.items else 0
            with contextlib.suppress(httpx.HTTPError):
                timeout = httpx.Timeout(10, read=30)
                async with self.http.stream("GET", f"/mp/v1/inbox/live?after={after}", timeout=timeout) as live:
                    name = ""
                    async for line in live.aiter_lines():
                        kind, _, value = line.partition(": ")
                        if kind == "event":
                            name = value
                        elif kind == "data" and name == "item":
                            self.items.append({**msgspec.json.decode(value), "arrived": time.monotonic()})
                            self._news.set()
            await asyncio.sleep(0.2)

    async def expects(self, *texts: str, within: float = PROMISED_S) -> dict[str, Any]:
        """The latest card in the inbox that holds all of `texts`, now or before the time is over."""
        try:
            async with asyncio.timeout(within):
                while True:
                    for item in reversed(self.items):
                        words = msgspec.json.encode(item["card"]).decode()
                        if all(text in words for text in texts):
                            return item
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            shown = [each["card"] for each in self.items[-2:]]
            raise AssertionError(f"no card with {texts} within {within} s; the last ones: {shown}") from None

    async def has_seen(self, seq: int, within: float = PROMISED_S) -> None:
        """Wait until the inbox has come as far as this number."""
        async with asyncio.timeout(within):
            while not self.items or self.items[-1]["seq"] < seq:
                self._news.clear()
                await self._news.wait()

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(f"/mp/v1{path}")

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.http.post(f"/mp/v1{path}", json=body)

    async def acknowledges(self, alarm: str) -> dict[str, Any]:
        """确认; answers what the API said."""
        answer = await self.post(f"/alarms/{alarm}/acknowledgement")
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.http.aclose()
