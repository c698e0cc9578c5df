"""Over telegram-test-api from npm, a Bot API server that nobody here wrote: card, press, edit; a complaint; the help.

It is installed for the test into a cache of this machine's temporary directory, and never committed. It leaves out what
Telegram's own server sends (`is_bot`, `chat_instance`, `ok` of a failure); the shim that fills it in lives here only.
"""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec
import pytest
from aiogram import Bot
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

from backend.core.db.engine import execute, fetch
from backend.core.ids import PersonId
from backend.core.vocabulary import Channel
from backend.monitoring.model import StateSaid
from backend.people import service as people
from bots.telegram import session as house_session
from bots.telegram.session import BotApiSession
from tests.integration.chatting import FAILURE, TOKEN, bot_process, carry, redraw
from tests.integration.test_masks import FIRE, SMOKE, points
from tests.patience import PATIENCE_S

__all__ = ["points"]
pytestmark = pytest.mark.timeout(120)
Add = Callable[..., Awaitable[UUID]]
VERSION: Final = "4.2.1"
WANG: Final = 1001
#: the server has no executable: it is started from a script of five lines
SCRIPT: Final = """
const TelegramServer = require("telegram-test-api");
const [port] = process.argv.slice(2);
const server = new TelegramServer({ port: Number(port), host: "127.0.0.1", storeTimeout: 600 });
server.start().then(() => console.log("ready"));
process.on("SIGTERM", () => process.exit(0));
"""
_USER: Final = {"id": WANG, "is_bot": False, "first_name": "王"}
_POLL_AGAIN_S: Final = 0.05  #: the server answers a long poll at once; without a pause a core would do nothing else


class Shim(BotApiSession):
    """Our session, with what this server leaves out filled in before it is read."""

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        answer: Any = {}
        with suppress(msgspec.MsgspecError):
            answer = msgspec.json.decode(content)
        if not isinstance(answer, dict) or "ok" not in answer:
            answer = {"ok": False, "error_code": status_code, "description": "Bad Request: not known here"}
        result = answer.get("result")
        if result is None and answer["ok"]:
            answer["result"] = True
        if isinstance(result, list):
            for update in result:
                if isinstance(update, dict) and "callback_query" in update:
                    update["callback_query"].setdefault("chat_instance", "1")
        if method.__api_method__ in {"setMyCommands", "sendChatAction"}:
            answer = {"ok": True, "result": True}
        if status_code >= 400 and answer["ok"]:
            status_code = 200
        return super().check_response(bot, method, status_code, msgspec.json.encode(answer).decode())

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,
    ) -> TelegramType:
        found = await super().make_request(bot, method, timeout)
        if method.__api_method__ == "getUpdates" and found == []:
            await asyncio.sleep(_POLL_AGAIN_S)
        return found


class Server:
    """The server, driven as a user: JSON on the same port."""

    def __init__(self, base: str, http: httpx.AsyncClient) -> None:
        self.base = base
        self._http = http

    async def _ask(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self._http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def says(self, text: str) -> None:
        message = {"botToken": TOKEN, "from": _USER, "chat": {"id": WANG, "type": "private", "first_name": "王"},
                   "date": 1, "text": text}  # fmt: skip
        if not text.startswith("/"):
            await self._ask("/sendMessage", message)
            return
        entities = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        await self._ask("/sendCommand", {**message, "entities": entities})

    async def messages(self) -> list[dict[str, Any]]:
        """What the bot sent, as it is now: the server writes edits over it."""
        history = await self._ask("/getUpdatesHistory", {"token": TOKEN})
        return [each for each in history if "chat_id" in each.get("message", {})]

    async def shows(self, *words: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for each in reversed(await self.messages()):
                    if all(word in each["message"].get("text", "") for word in words):
                        return each
                await asyncio.sleep(0.02)

    async def taps(self, label: str) -> None:
        """The newest key with exactly this label."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for each in reversed(await self.messages()):
                    keys = each["message"].get("reply_markup", {}).get("inline_keyboard", [])
                    for key in (key for row in keys for key in row):
                        if key["text"] == label:
                            await self._press(each, key["callback_data"])
                            return
                await asyncio.sleep(0.02)

    async def _press(self, each: dict[str, Any], data: str) -> None:
        message = {"message_id": each["messageId"], "date": 1, "chat": {"id": WANG, "type": "private"},
                   "text": each["message"].get("text", "")}  # fmt: skip
        await self._ask("/sendCallback", {"botToken": TOKEN, "from": _USER, "message": message, "data": data})


async def _ran(*command: str, cwd: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode(errors="replace")[-2000:]


async def installed() -> Path:
    """The package's home; installed once into this machine's temporary directory."""
    npm = shutil.which("npm")
    assert npm is not None, "npm is absent: `sh .ci/node` installs it"
    home = Path(tempfile.gettempdir()) / f"fenghuo-telegram-test-api-{VERSION}-{os.getuid()}"
    if not (home / "ready").exists():
        making = Path(tempfile.mkdtemp(prefix="fenghuo-npm-"))
        (making / "package.json").write_text('{"private": true}')
        await _ran(
            npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", f"telegram-test-api@{VERSION}",
            cwd=making,
        )  # fmt: skip
        (making / "server.js").write_text(SCRIPT)
        (making / "ready").touch()
        with suppress(OSError):  # another run was there first
            making.rename(home)
        shutil.rmtree(making, ignore_errors=True)
    return home


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Server]:
    node = shutil.which("node")
    assert node is not None, "node is absent: `sh .ci/node` installs it"
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        node, "server.js", str(port), cwd=home, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert (await process.stdout.readline()).strip() == b"ready"
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=10) as http:
            yield Server(base, http)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(house_session, "BotApiSession", Shim)
    async with running(await installed()) as server:
        yield server


@pytest.fixture
async def wang(points: dict[str, UUID], add_person: Add) -> PersonId:
    await execute("delete from contact_points where channel = 'telegram'")
    await add_person("shou", "李受理", "complaint_handler", None, app="shou")
    person = PersonId(points["manager"])
    code = await people.new_code(person, "telegram")
    await people.link_chat(code, Channel.TELEGRAM, str(WANG), str(WANG))
    return person


async def test_a_card_is_pressed_and_edited_a_complaint_is_filed_and_the_help_is_read(
    server: Server, wang: PersonId, door: Any
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await carry(server.base)
    card = await server.shows("火警", "走廊感烟", "报警中")
    async with bot_process(server.base):
        await server.taps("我已知晓")
        await server.shows("✅ 已确认")
        await redraw(server.base)
        edited = await server.shows("火警", "王经理 已确认")
        assert edited["messageId"] == card["messageId"], "the card was changed where it hangs, not sent again"
        assert "真实火警" in str(edited["message"]["reply_markup"])

        await server.says("/help")
        assert "/complain" in (await server.shows("您可以："))["message"]["text"]

        await server.says("投诉")
        await server.shows("要投诉什么")
        await server.taps("其他投诉")
        await server.shows("请说明情况")
        await server.says("夜间电话无人接听")
        await server.shows("确认提交")
        await server.taps("提交")
        await server.shows("已受理，编号", "前办结")
        assert not [each for each in await server.messages() if FAILURE in each["message"].get("text", "")]
    assert [row["person"] for row in await fetch("select person from acknowledgements")] == [wang]
    (row,) = await fetch("select text, via from complaints")
    assert (row["text"], row["via"]) == ("夜间电话无人接听", "telegram")
