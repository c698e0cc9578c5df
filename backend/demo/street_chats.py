"""The street's chats: what was delivered, and what their owners do: press, write, reply, send a photo or a place.

The rule: everything goes through the carrier, which turns it into an update for the bot; nothing here speaks for it.
"""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Annotated, Any, Final
from urllib.parse import quote

import httpx
import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from backend.core.cookies import is_same_origin
from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.i18n import N_
from backend.core.peers import is_this_machine
from backend.core.settings import Settings
from backend.demo.carriers.telegram import BotApiControl, ControlRefused, MessageView
from backend.evidence.model import MOST_OCTETS, MediaKind, media_type_of

_MOST_BODY: Final = MOST_OCTETS * 4 // 3 + 4096  #: base64 in JSON
_SHOWN_AS_THEY_ARE: Final = frozenset({"image/png", "image/jpeg", "image/webp", "audio/ogg"})


class PressIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A button of a message, counted in reading order."""

    message_id: int
    index: int


class PressedOut(msgspec.Struct, frozen=True):
    """What popped up on the phone."""

    sentence: str


class WordsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody writes, perhaps as a reply to a message."""

    words: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    reply_to: int | None = None


class FileIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A photo or a voice note, with words below it."""

    octets: bytes
    caption: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    reply_to: int | None = None


class PlaceIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where somebody says they are."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]


def require_this_machine(request: Request[Any, Any, Any], settings: Settings) -> None:
    """The street holds sample people's tokens and chats: they are for whoever runs the demo, and nobody else."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getall("X-Forwarded-For", [])
    if not is_this_machine(peer, request.url.hostname or "", forwarded, settings.http.trusted_proxies):
        raise NotAllowed(N_("示范街道只供运行示范的这台电脑使用"))


def require_own_page(request: Request[Any, Any, Any]) -> None:
    """No other site's page moves the sample people's thumbs."""
    if not (request.headers.get("X-Fenghuo") and is_same_origin(request.headers)):
        raise NotAllowed(N_("请求不是从本系统的页面发出的"))


def _guard(request: Request[Any, Any, Any], settings: Settings) -> BotApiControl:
    """The way to the carrier, for this machine's own page."""
    require_this_machine(request, settings)
    require_own_page(request)
    control: BotApiControl = request.app.state.street_control
    return control


def _media_type(octets: bytes) -> str:
    with suppress(BadInput):
        return media_type_of(MediaKind.DOCUMENT, octets).name
    return ""


async def _done(act: Awaitable[int]) -> None:
    try:
        await act
    except (ControlRefused, httpx.TransportError):
        raise Conflict(N_("没有发出去，请再试一次")) from None


class StreetChats(Controller):
    """A chat on the street: read, press, write."""

    path = "/demo/chats/{chat_id:int}"
    include_in_schema = False

    @get()
    async def chat(
        self, request: Request[Any, Any, Any], settings: NamedDependency[Settings], chat_id: FromPath[int]
    ) -> list[MessageView]:
        """A chat as the carrier delivered it; empty before it was opened."""
        require_this_machine(request, settings)
        control: BotApiControl = request.app.state.street_control
        try:
            return (await control.chat(chat_id)).messages
        except ControlRefused:
            return []
        except httpx.TransportError:
            raise Conflict(N_("载体暂时无法读取")) from None

    @get("/files/{file_path:path}")
    async def file(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        chat_id: FromPath[int],
        file_path: FromPath[str],
    ) -> Response[bytes]:
        """A picture or a voice note of this chat, told by its octets; other files as a download."""
        require_this_machine(request, settings)
        control: BotApiControl = request.app.state.street_control
        wanted = file_path.lstrip("/")
        with suppress(ControlRefused, httpx.TransportError):
            if any(each.file_path == wanted for each in (await control.chat(chat_id)).messages):
                octets = await control.download(quote(wanted))
                media_type = _media_type(octets)
                headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
                if media_type not in _SHOWN_AS_THEY_ARE:
                    media_type, headers["Content-Disposition"] = "application/octet-stream", "attachment"
                return Response(octets, media_type=media_type, headers=headers)
        raise NotFound(N_("没有找到"))

    @post("/press", status_code=200)
    async def press(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        chat_id: FromPath[int],
        data: JSONBody[PressIn],
    ) -> PressedOut:
        """Press a button of a message; answers what popped up, empty when the bot was slow."""
        control = _guard(request, settings)
        try:
            query = await control.press(chat_id, data.message_id, index=data.index)
            return PressedOut((await control.notification(chat_id, query)).text)
        except TimeoutError:
            return PressedOut("")
        except (ControlRefused, httpx.TransportError):
            raise Conflict(N_("按钮已失效，请看最新的消息")) from None

    @post("/words", status_code=204)
    async def words(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        chat_id: FromPath[int],
        data: JSONBody[WordsIn],
    ) -> None:
        """Write into the chat."""
        await _done(_guard(request, settings).send_text(chat_id, data.words, reply_to=data.reply_to))

    @post("/file", status_code=204, request_max_body_size=_MOST_BODY)
    async def send(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        chat_id: FromPath[int],
        data: JSONBody[FileIn],
    ) -> None:
        """Send a photo, a voice note or a paper, whichever its octets are."""
        control = _guard(request, settings)
        kind = str(media_type_of(MediaKind.DOCUMENT, data.octets).kind)
        await _done(control.send_file(chat_id, kind, data.octets, caption=data.caption, reply_to=data.reply_to))

    @post("/place", status_code=204)
    async def place(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        chat_id: FromPath[int],
        data: JSONBody[PlaceIn],
    ) -> None:
        """Say where the phone is."""
        await _done(_guard(request, settings).send_location(chat_id, data.latitude, data.longitude))
