"""The control interface from the other side: for tests and the demo's street page.

The rule: one method per thing a person can do, typed as `street` and `traffic` define it.
"""

import asyncio
from types import NoneType, TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import msgspec

from backend.demo.carriers.telegram import control
from backend.demo.carriers.telegram.actor import Person
from backend.demo.carriers.telegram.faults import Fault
from backend.demo.carriers.telegram.street import ChatView, NotificationView
from backend.demo.carriers.telegram.traffic import CarrierRequest
from backend.demo.carriers.telegram.wire import ChatKind, MemberStatus

T = TypeVar("T")
_PATIENCE_SECONDS: Final = 90.0


class ControlRefused(Exception):  # noqa: N818 - a refusal is named by its fact
    """The carrier would not do it: HTTP status and the reason."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


class BotApiControl:
    """Acts as people, reads chats and requests, plans faults. An async context manager.

    Raises ControlRefused when the carrier refuses, httpx.TransportError when it cannot be reached.
    """

    def __init__(self, base_url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/control/", timeout=_PATIENCE_SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def open_chat(self, user: Person) -> int:
        """The private chat, open as if started long ago; the bot hears nothing."""
        wanted = control.OpenChatIn(user=user)
        return (await self._post("open", wanted, control.ChatOut)).chat_id

    async def start(self, user: Person, payload: str = "") -> int:
        """Follows a deep link: /start with the payload. Returns the message's id."""
        wanted = control.StartIn(user=user, payload=payload)
        return (await self._post("start", wanted, control.MessageOut)).message_id

    async def send_file(
        self,
        chat_id: int,
        kind: str,
        octets: bytes,
        *,
        caption: str = "",
        user_id: int | None = None,
        reply_to: int | None = None,
    ) -> int:
        """Sends a "photo", "voice" or "document". Returns the message's id."""
        wanted = control.FileIn(
            chat_id=chat_id, kind=kind, octets=octets, caption=caption, user_id=user_id, reply_to=reply_to
        )
        return (await self._post("file", wanted, control.MessageOut)).message_id

    async def send_location(
        self, chat_id: int, latitude: float, longitude: float, *, user_id: int | None = None
    ) -> int:
        """Says where somebody is. Returns the message's id."""
        wanted = control.PlaceIn(chat_id=chat_id, latitude=latitude, longitude=longitude, user_id=user_id)
        return (await self._post("location", wanted, control.MessageOut)).message_id

    async def send_text(
        self,
        chat_id: int,
        text: str,
        *,
        user_id: int | None = None,
        topic: int | None = None,
        reply_to: int | None = None,
    ) -> int:
        """Writes into a chat, perhaps as a reply. Returns the message's id."""
        wanted = control.TextIn(chat_id=chat_id, text=text, user_id=user_id, topic=topic, reply_to=reply_to)
        return (await self._post("text", wanted, control.MessageOut)).message_id

    async def press(
        self,
        chat_id: int,
        message_id: int,
        *,
        index: int | None = None,
        text: str | None = None,
        callback_data: str | None = None,
        user_id: int | None = None,
    ) -> str:
        """Presses a button, the first if nothing is said about it. Returns the callback query's id."""
        wanted = control.PressIn(
            chat_id=chat_id,
            message_id=message_id,
            index=index,
            text=text,
            callback_data=callback_data,
            user_id=user_id,
        )
        return (await self._post("press", wanted, control.PressOut)).callback_query_id

    async def notification(self, chat_id: int, callback_query_id: str, *, seconds: float = 5.0) -> NotificationView:
        """What popped up after a press. Raises TimeoutError if the bot does not answer it in time."""
        async with asyncio.timeout(seconds):
            while True:
                view = await self.chat(chat_id)
                for found in view.notifications:
                    if found.callback_query_id == callback_query_id:
                        return found
                await self.changes(view.version)

    async def block(self, chat_id: int) -> None:
        """Blocks the bot, or throws it out of a group."""
        await self._post("block", control.ChatIn(chat_id=chat_id), NoneType)

    async def unblock(self, chat_id: int) -> None:
        """Lets the bot in again."""
        await self._post("unblock", control.ChatIn(chat_id=chat_id), NoneType)

    async def create_group(
        self,
        title: str,
        members: list[Person],
        *,
        kind: ChatKind = ChatKind.SUPERGROUP,
        topics: list[str] | None = None,
        username: str | None = None,
    ) -> int:
        """A group with the bot in it; the first member made it. Returns its id."""
        wanted = control.GroupIn(title=title, members=members, kind=kind, topics=topics or [], username=username)
        return (await self._post("groups", wanted, control.ChatOut)).chat_id

    async def set_member(self, chat_id: int, user_id: int, status: MemberStatus) -> None:
        """Changes how a person stands in a group."""
        await self._post("members", control.MemberIn(chat_id=chat_id, user_id=user_id, status=status), NoneType)

    async def migrate(self, chat_id: int) -> int:
        """Turns a basic group into a supergroup. Returns the new id."""
        return (await self._post("migrate", control.ChatIn(chat_id=chat_id), control.ChatOut)).chat_id

    async def chat(self, chat_id: int, *, with_history: bool = False) -> ChatView:
        """The chat as a phone shows it; with history also deleted messages and earlier texts."""
        query = {"history": "true"} if with_history else {}
        return await self._get(f"chats/{chat_id}/messages", query, ChatView)

    async def chats(self) -> list[int]:
        """The ids of all chats."""
        return await self._get("chats", {}, list[int])

    async def changes(self, since: int, *, seconds: float = 25.0) -> control.ChangesOut:
        """Waits for a version above `since`, at most that many seconds; tells which chats changed."""
        query = {"since": str(since), "seconds": str(seconds)}
        return await self._get("changes", query, control.ChangesOut)

    async def requests(self, since: int = 0) -> list[CarrierRequest]:
        """The requests the carrier received after that sequence number."""
        return await self._get("requests", {"since": str(since)}, list[CarrierRequest])

    async def add_fault(self, fault: Fault) -> None:
        """Plans a fault."""
        await self._post("faults", fault, NoneType)

    async def faults(self) -> list[Fault]:
        """The faults still to come."""
        return await self._get("faults", {}, list[Fault])

    async def clear_faults(self) -> None:
        """Everything works again."""
        _refuse_failure(await self._http.delete("faults"))

    async def enforce_limits(self, *, enforced: bool = True) -> None:
        """Whether Telegram's own limits hold from now on."""
        await self._post("limits", control.LimitsIn(enforced=enforced), NoneType)

    async def download(self, file_path: str) -> bytes:
        """The octets of a file a message shows."""
        response = await self._http.get(f"files/{file_path}")
        _refuse_failure(response)
        return response.content

    async def _post(self, path: str, wanted: msgspec.Struct, kind: type[T]) -> T:
        response = await self._http.post(path, content=msgspec.json.encode(wanted))
        return _decoded(response, kind)

    async def _get(self, path: str, query: dict[str, str], kind: type[T]) -> T:
        return _decoded(await self._http.get(path, params=query), kind)


def _decoded(response: httpx.Response, kind: type[T]) -> T:
    _refuse_failure(response)
    return msgspec.json.decode(response.content, type=kind)


def _refuse_failure(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        detail = msgspec.json.decode(response.content, type=dict[str, Any]).get("detail", "")
    except msgspec.MsgspecError:
        detail = ""
    raise ControlRefused(response.status_code, str(detail) or response.reason_phrase)
