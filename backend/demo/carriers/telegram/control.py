"""The control interface: act as people, read chats and the record of requests, plan faults. JSON over HTTP.

The rule: it belongs to tests and the demo, needs no token, and therefore lives on loopback only (`serving`).
Errors are `application/problem+json`.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from backend.demo.carriers.telegram.actor import CannotDo, Person
from backend.demo.carriers.telegram.faults import Fault
from backend.demo.carriers.telegram.refusals import ApiRefusal
from backend.demo.carriers.telegram.wire import ChatKind, MemberStatus

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from backend.demo.carriers.telegram.server import BotApiServer

LONGEST_WATCH_SECONDS: Final = 60.0
_JSON: Final = b"application/json"
_PROBLEM: Final = b"application/problem+json"


class In(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request body without content; the base of all others."""


class OpenChatIn(In, kw_only=True):
    """A person whose private chat is to be open, silently."""

    user: Person


class StartIn(OpenChatIn, kw_only=True):
    """A person who follows a deep link."""

    payload: str = ""


class TextIn(In, kw_only=True):
    """A person writes."""

    chat_id: int
    text: str
    user_id: int | None = None
    topic: int | None = None
    reply_to: int | None = None


class FileIn(In, kw_only=True):
    """A person sends a file; its octets as base64."""

    chat_id: int
    kind: str
    octets: bytes
    filename: str = ""
    caption: str = ""
    user_id: int | None = None
    reply_to: int | None = None


class PlaceIn(In, kw_only=True):
    """A person says where they are."""

    chat_id: int
    latitude: float
    longitude: float
    user_id: int | None = None


class PressIn(In, kw_only=True):
    """A person presses the button with that index, text or callback data."""

    chat_id: int
    message_id: int
    index: int | None = None
    text: str | None = None
    callback_data: str | None = None
    user_id: int | None = None


class ChatIn(In, kw_only=True):
    """A chat in which something is done."""

    chat_id: int
    user_id: int | None = None


class GroupIn(In, kw_only=True):
    """A new group; its first member made it."""

    title: str
    members: list[Person]
    kind: ChatKind = ChatKind.SUPERGROUP
    topics: list[str] = []
    username: str | None = None


class MemberIn(In, kw_only=True):
    """How a person is to stand in a group."""

    chat_id: int
    user_id: int
    status: MemberStatus


class LimitsIn(In, kw_only=True):
    """Whether Telegram's own limits hold."""

    enforced: bool


class ReadIn(In, kw_only=True):
    """The query of a GET, lax."""

    since: int = 0
    seconds: float = 25.0
    history: bool = False


class ChangesOut(msgspec.Struct, frozen=True, kw_only=True):
    """The version now and the chats that changed since the one asked about."""

    version: int
    chats: list[int]


class ChatOut(msgspec.Struct, frozen=True, kw_only=True):
    """The chat that came of it."""

    chat_id: int


class MessageOut(msgspec.Struct, frozen=True, kw_only=True):
    """The message that came of it."""

    message_id: int


class PressOut(msgspec.Struct, frozen=True, kw_only=True):
    """The press, to be found again among the chat's notifications once the bot answers it."""

    callback_query_id: str


async def _open_chat(server: "BotApiServer", wanted: OpenChatIn) -> ChatOut:
    return ChatOut(chat_id=server.act.open_chat(wanted.user))


async def _start(server: "BotApiServer", wanted: StartIn) -> MessageOut:
    return MessageOut(message_id=server.act.start(wanted.user, wanted.payload))


async def _text(server: "BotApiServer", wanted: TextIn) -> MessageOut:
    return MessageOut(message_id=server.act.send_text(**msgspec.structs.asdict(wanted)))


async def _file(server: "BotApiServer", wanted: FileIn) -> MessageOut:
    return MessageOut(message_id=server.act.send_file(**msgspec.structs.asdict(wanted)))


async def _place(server: "BotApiServer", wanted: PlaceIn) -> MessageOut:
    return MessageOut(message_id=server.act.send_location(**msgspec.structs.asdict(wanted)))


async def _press(server: "BotApiServer", wanted: PressIn) -> PressOut:
    return PressOut(callback_query_id=server.act.press(**msgspec.structs.asdict(wanted)))


async def _block(server: "BotApiServer", wanted: ChatIn) -> None:
    server.act.block(wanted.chat_id, user_id=wanted.user_id)


async def _unblock(server: "BotApiServer", wanted: ChatIn) -> None:
    server.act.unblock(wanted.chat_id, user_id=wanted.user_id)


async def _group(server: "BotApiServer", wanted: GroupIn) -> ChatOut:
    return ChatOut(chat_id=server.act.create_group(**msgspec.structs.asdict(wanted)))


async def _member(server: "BotApiServer", wanted: MemberIn) -> None:
    server.act.set_member(wanted.chat_id, wanted.user_id, wanted.status)


async def _migrate(server: "BotApiServer", wanted: ChatIn) -> ChatOut:
    return ChatOut(chat_id=server.act.migrate(wanted.chat_id))


async def _add_fault(server: "BotApiServer", wanted: Fault) -> None:
    server.faults.add(wanted)


async def _faults(server: "BotApiServer", _: ReadIn) -> list[Fault]:
    return server.faults.faults


async def _clear_faults(server: "BotApiServer", _: In) -> None:
    server.faults.clear()


async def _limits(server: "BotApiServer", wanted: LimitsIn) -> None:
    server.account.limits.enforced = wanted.enforced


async def _requests(server: "BotApiServer", wanted: ReadIn) -> Any:
    return server.log.since(wanted.since)


async def _changes(server: "BotApiServer", wanted: ReadIn) -> ChangesOut:
    seconds = min(max(wanted.seconds, 0.0), LONGEST_WATCH_SECONDS)
    version = await server.wait_change(wanted.since, seconds=seconds)
    return ChangesOut(version=version, chats=server.account.book.changed_since(wanted.since))


async def _chats(server: "BotApiServer", _: ReadIn) -> list[int]:
    return list(server.account.book.chats)


class Route(msgspec.Struct, frozen=True):
    """One address of the control interface."""

    takes: type[msgspec.Struct]
    do: Callable[["BotApiServer", Any], Awaitable[Any]]


ROUTES: Final = {
    ("POST", "open"): Route(OpenChatIn, _open_chat),
    ("POST", "start"): Route(StartIn, _start),
    ("POST", "text"): Route(TextIn, _text),
    ("POST", "file"): Route(FileIn, _file),
    ("POST", "location"): Route(PlaceIn, _place),
    ("POST", "press"): Route(PressIn, _press),
    ("POST", "block"): Route(ChatIn, _block),
    ("POST", "unblock"): Route(ChatIn, _unblock),
    ("POST", "groups"): Route(GroupIn, _group),
    ("POST", "members"): Route(MemberIn, _member),
    ("POST", "migrate"): Route(ChatIn, _migrate),
    ("POST", "faults"): Route(Fault, _add_fault),
    ("GET", "faults"): Route(ReadIn, _faults),
    ("DELETE", "faults"): Route(In, _clear_faults),
    ("POST", "limits"): Route(LimitsIn, _limits),
    ("GET", "requests"): Route(ReadIn, _requests),
    ("GET", "changes"): Route(ReadIn, _changes),
    ("GET", "chats"): Route(ReadIn, _chats),
}


async def answer(server: "BotApiServer", scope: "MutableMapping[str, Any]", body: bytes) -> tuple[int, bytes, bytes]:
    """Status, content type and octets for one request to the control interface."""
    verb, path = scope["method"], scope["path"].removeprefix("/control/")
    try:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if verb == "GET" and path.startswith(("chats/", "files/")):
            return _read(server, path, query)
        route = ROUTES.get((verb, path))
        if route is None:
            return _problem(404, "no such address in the control interface")
        if verb == "GET":
            wanted = msgspec.convert(query, route.takes, strict=False)
        else:
            wanted = msgspec.json.decode(body or b"{}", type=route.takes)
        return 200, _JSON, msgspec.json.encode(await route.do(server, wanted))
    except CannotDo as error:
        return _problem(409, str(error))
    except ApiRefusal as error:
        return _problem(404, error.description)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _problem(400, str(error))


def _read(server: "BotApiServer", path: str, query: dict[str, str]) -> tuple[int, bytes, bytes]:
    """`chats/<id>/messages` and `files/<path>`."""
    kind, _, rest = path.partition("/")
    if kind == "files":
        stored = server.account.files.at_path(rest)
        if stored is None:
            return _problem(404, "no such file")
        return 200, (stored.upload.content_type or "application/octet-stream").encode(), stored.upload.octets
    chat_id, _, what = rest.partition("/")
    if what != "messages":
        return _problem(404, "no such address in the control interface")
    wanted = msgspec.convert(query, ReadIn, strict=False)
    number = msgspec.convert(chat_id, int, strict=False)
    return 200, _JSON, msgspec.json.encode(server.chat_view(number, with_history=wanted.history))


def _problem(status: int, detail: str) -> tuple[int, bytes, bytes]:
    problem = {"type": "about:blank", "title": "carrier control", "status": status, "detail": detail}
    return status, _PROBLEM, msgspec.json.encode(problem)
