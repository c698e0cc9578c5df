"""The street: the sample people's phones side by side, and the buttons that set the sample unit on fire.

The rule: it is mounted in the demo only and takes no shortcut. A phone's inbox is that person's own, read under
`/mp/v1` with a token of theirs; a chat is what the carrier delivered; a press goes through the carrier.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import httpx
import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Controller, Litestar, Request, Response, get, post
from litestar.datastructures import CacheControlHeader, State
from litestar.di import NamedDependency, Provide
from litestar.enums import MediaType
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from litestar.static_files import create_static_files_router

from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.errors import Conflict
from backend.core.i18n import N_, known_language, translate
from backend.core.ids import PersonId
from backend.core.live import Listener
from backend.core.redis import RedisError, connect
from backend.core.settings import Settings
from backend.core.vocabulary import ROLE_LABELS, Role
from backend.demo.carriers.telegram import BotApiControl, ControlRefused
from backend.demo.carriers.telephony import CannotBeDone, TelephoneControl, TelephoneView
from backend.demo.devices import TOPIC, Command, Deed
from backend.demo.street_chats import StreetChats, require_own_page, require_this_machine
from backend.people.model import SessionKind
from backend.people.service import open_session

HERE: Final = Path(__file__).parent
_PING_S: Final = 10.0
_CARRIER_AGAIN_S: Final = 2.0
_PHONES: Final = """
    select p.id, p.code, p.name, g.role,
        (select c.address from contact_points c where c.person = p.id and c.channel = 'telegram'
         order by c.priority limit 1) as chat,
        (select c.address from contact_points c where c.person = p.id and c.channel in ('sms', 'voice')
         order by c.channel limit 1) as telephone
    from people p join lateral (select role from grants where person = p.id order by role limit 1) g on true
    where p.is_active order by p.created_at, array_position($1::text[], g.role), p.code limit 8
"""
_BUILDINGS: Final = """
    select coalesce(b.name, d.name) as name, d.address from devices d left join buildings b on b.id = d.building
    where d.unit is not null and d.kind = 'uitd' order by d.address limit 8
"""
_BUTTONS: Final[tuple[tuple[Deed, str], ...]] = (
    ("fire", N_("起火")),
    ("fault", N_("探测器故障")),
    ("storm", N_("报警风暴")),
    ("restore", N_("全部恢复")),
    ("cut", N_("切断线路")),
    ("mend", N_("接通线路")),
)
_WORDS: Final = {
    "empty": N_("还没有通知"),
    "closed": N_("模拟设备暂时无法指挥"),
    "sent": N_("已下达"),
    "edited": N_("已更新"),
    "reply": N_("回复"),
    "ringing": N_("来电"),
    "talking": N_("通话中"),
    "hang_up": N_("挂断"),
    "pressed": N_("已按"),
    "heard": N_("已接听"),
    "not_answered": N_("未接听"),
    "ended": N_("已结束"),
    "photo": N_("照片"),
    "voice": N_("语音"),
    "file": N_("文件"),
    "answering": N_("回复"),
}
_environment: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_encode = msgspec.json.Encoder().encode


class DeedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person does with their telephone: `reply`, `press`, `hang_up`."""

    do: Literal["reply", "press", "hang_up"]
    words: Annotated[str, msgspec.Meta(max_length=200)] = ""


@asynccontextmanager
async def living(app: Litestar) -> AsyncIterator[None]:
    """The way to the carrier's control interface and the sample people's tokens, as long as the application lives."""
    settings: Settings = app.state.settings
    # the demonstration's exchange serves Aliyun's address; without credentials nobody is asked there
    exchange = TelephoneControl(settings.aliyun.sms_base)
    async with BotApiControl(settings.telegram.api_base) as control, exchange as telephones:
        app.state.street_control = control
        app.state.street_telephones = telephones
        app.state.street_tokens = {}
        yield


def provide_control(state: State) -> BotApiControl:
    """The carrier's control interface."""
    control: BotApiControl = state.street_control
    return control


async def _token(person: PersonId, tokens: dict[PersonId, str]) -> str:
    """The sample person's token, opened once while the application lives."""
    if person not in tokens:
        tokens[person] = await open_session(person, SessionKind.PHONE, "street")
    return tokens[person]


async def _phones(language: str, tokens: dict[PersonId, str]) -> list[dict[str, Any]]:
    rows = await fetch(_PHONES, [str(role) for role in Role])
    return [
        {
            **row,
            "role": translate(ROLE_LABELS[Role(row["role"])], language),
            "token": await _token(row["id"], tokens),
        }
        for row in rows
    ]


class Street(Controller):
    """The page and what its script asks for."""

    path = "/demo"
    include_in_schema = False
    dependencies = {"control": Provide(provide_control, sync_to_thread=False)}  # noqa: RUF012 - Litestar's own way

    @get()
    async def street(self, request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> Response[str]:
        """Phones and buttons."""
        require_this_machine(request, settings)
        wanted = request.headers.get("Accept-Language", "").split(",", maxsplit=1)[0]
        language = known_language(wanted)
        html = _environment.get_template("street.html").render(
            _=lambda message, **inside: translate(message, language, **inside),
            html_language="en" if language == "en" else "zh-CN",
            phones=await _phones(language, request.app.state.street_tokens),
            has_telephones=bool(settings.aliyun.key_id),
            buildings=await fetch(_BUILDINGS),
            buttons=_BUTTONS,
            words=_encode({name: translate(text, language) for name, text in _WORDS.items()}).decode(),
        )
        return Response(html, media_type=MediaType.HTML, headers={"Cache-Control": "no-store"})

    @get("/telephones/{number:str}")
    async def telephone(
        self, request: Request[Any, Any, Any], settings: NamedDependency[Settings], number: FromPath[str]
    ) -> TelephoneView:
        """A telephone: the texts that came, the calls that rang."""
        require_this_machine(request, settings)
        telephones: TelephoneControl = request.app.state.street_telephones
        try:
            return await telephones.telephone(_national(number))
        except (CannotBeDone, httpx.TransportError):
            raise Conflict(N_("载体暂时无法读取")) from None

    @post("/telephones/{number:str}", status_code=200)
    async def use_telephone(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        number: FromPath[str],
        data: JSONBody[DeedIn],
    ) -> TelephoneView:
        """Reply to the newest text, press a key in a call, hang up."""
        require_this_machine(request, settings)
        require_own_page(request)
        telephones: TelephoneControl = request.app.state.street_telephones
        try:
            return await telephones.does(_national(number), data.do, data.words)
        except (CannotBeDone, httpx.TransportError):
            raise Conflict(N_("电话没有响，或已经挂断")) from None

    @post("/do", status_code=202)
    async def do(
        self, request: Request[Any, Any, Any], settings: NamedDependency[Settings], data: JSONBody[Command]
    ) -> dict[str, int]:
        """Tell the sample devices; answers how many processes heard it."""
        require_this_machine(request, settings)
        require_own_page(request)
        client = connect(settings.redis.url.value)
        try:
            return {"heard": int(await client.publish(TOPIC, _encode(data)))}
        except (RedisError, OSError):
            raise Conflict(N_("模拟设备暂时无法指挥")) from None
        finally:
            await client.aclose()

    @get("/live")
    async def live(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        control: NamedDependency[BotApiControl],
        listener: NamedDependency[Listener],
    ) -> Stream:
        """Which inboxes and chats have news; the page reads them again."""
        require_this_machine(request, settings)
        telephones: TelephoneControl | None = request.app.state.street_telephones if settings.aliyun.key_id else None
        return Stream(
            _news(listener, control, telephones),
            media_type="text/event-stream; charset=utf-8",
            headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
        )


def _national(number: str) -> str:
    """A number as it is dialled in the country."""
    return number.removeprefix("+86")


def _event(name: str, facts: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode(facts))


async def _inboxes(listener: Listener, news: "asyncio.Queue[bytes | None]") -> None:
    """Until the listener is stopped, which ends the stream."""
    async for hint in listener.hints(every=_PING_S):
        if hint is None:
            await news.put(b": ping\n" + _event("alive", {"at": clock.now()}))
        elif hint.persons:
            await news.put(_event("inbox", list(hint.persons)))
    await news.put(None)


async def _chats(control: BotApiControl, news: "asyncio.Queue[bytes | None]") -> None:
    version = 0
    while True:
        try:
            changes = await control.changes(version)
        except (ControlRefused, httpx.TransportError):
            await asyncio.sleep(_CARRIER_AGAIN_S)
            continue
        if changes.version < version:  # the carrier was started again
            version = 0
            continue
        version = changes.version
        if changes.chats:
            await news.put(_event("chats", changes.chats))


async def _rings(telephones: TelephoneControl, news: "asyncio.Queue[bytes | None]") -> None:
    version = 0
    while True:
        try:
            changes = await telephones.changes(version)
        except (CannotBeDone, httpx.TransportError):
            await asyncio.sleep(_CARRIER_AGAIN_S)
            continue
        if changes.version < version:  # the exchange was started again
            version = 0
            continue
        version = changes.version
        if changes.numbers:
            await news.put(_event("telephones", changes.numbers))


async def _news(
    listener: Listener, control: BotApiControl, telephones: TelephoneControl | None
) -> AsyncIterator[bytes]:
    news: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1000)
    tasks = [asyncio.create_task(_inboxes(listener, news)), asyncio.create_task(_chats(control, news))]
    if telephones is not None:
        tasks.append(asyncio.create_task(_rings(telephones, news)))
    try:
        yield b"retry: 1000\n\n" + _event("alive", {"at": clock.now()})
        while (event := await news.get()) is not None:
            yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


STATIC: Final = create_static_files_router(
    path="/demo/static",
    directories=[HERE / "static"],
    name="street-static",
    cache_control=CacheControlHeader(no_cache=True),
)
ROUTES: Final = [Street, StreetChats, STATIC]
