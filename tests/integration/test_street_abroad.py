"""A telephone abroad on the street: the demonstration's exchange, Twilio behind it, and our own signed hooks."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar

from backend.api.app import build_app
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId
from backend.core.live import Listener
from backend.core.settings import RedisSection, Secret, Settings, load
from backend.delivery.carry import Carrier
from backend.demo import telephones
from backend.demo.carriers.telephony import Exchange, TelephoneView, serve
from backend.demo.carriers.twilio import TwilioServer
from backend.demo.street import ROUTES as STREET
from backend.demo.street import living
from backend.main import build_channels
from backend.monitoring.model import Level, StateSaid, Subject
from workers.channels.twilio.web import twilio_routes
from workers.channels.web import carrier_routes

PHONE: Final = "+4915228817386"
FIRE: Final = 1 << 1
SMOKE: Final = Subject(
    level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="01000200"
)
OWN: Final = {"X-Fenghuo": "1"}


class Web:
    """Our web process over a real socket, in this event loop."""

    def __init__(self, app: Litestar) -> None:
        self.app: Any = app

    async def close(self) -> None:
        """Nothing waits here."""


class Abroad:
    """The fire's way to the telephone, and the street's way back."""

    def __init__(self, door: Any, hands: Carrier, exchange: Exchange, street: httpx.AsyncClient) -> None:
        self.door = door
        self.hands = hands
        (self.twilio,) = [each.carrier for each in exchange.connected if isinstance(each.carrier, TwilioServer)]
        self.street = street

    async def fire(self) -> None:
        await self.door.hears(StateSaid(subject=SMOKE, state=FIRE))
        rows = await fetch("select id from attempts where channel in ('sms', 'voice') and state = 'pending'")
        await self.hands.carry([AttemptId(row["id"]) for row in rows])
        await self.twilio.telling.settled()

    async def telephone(self) -> TelephoneView:
        answer = await self.street.get(f"/demo/telephones/{PHONE}")
        return msgspec.json.decode(answer.raise_for_status().content, type=TelephoneView)

    async def does(self, do: str, words: str = "") -> TelephoneView:
        answer = await self.street.post(f"/demo/telephones/{PHONE}", json={"do": do, "words": words}, headers=OWN)
        return msgspec.json.decode(answer.raise_for_status().content, type=TelephoneView)


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def settings_at(base: str, port: int, redis_url: str) -> Settings:
    given = telephones.environment(base, "a" * 32) | {"FENGHUO_HTTP_PORT": str(port)}
    settings = load(None, given)
    workers = msgspec.structs.replace(settings.workers, send_timeout_s=20)  # no deadline is at stake here
    return msgspec.structs.replace(settings, redis=RedisSection(url=Secret(redis_url)), workers=workers)


@pytest.fixture
async def abroad(
    unit: dict[str, UUID], door: Any, redis_url: str, add_person: Callable[..., Awaitable[UUID]]
) -> AsyncIterator[Abroad]:
    weber = await add_person("weber", "Anna Weber", "unit_manager", unit["unit"], sms=PHONE, voice=PHONE)
    await execute("update people set language = 'en' where id = $1", weber)
    port = free_port()
    exchange = telephones.build_exchange(settings_at("http://127.0.0.1:1", port, redis_url))
    async with serve(exchange) as base:
        settings = settings_at(base, port, redis_url)
        routes = [*carrier_routes(settings), *twilio_routes(settings), *STREET]
        app = build_app(settings, routes=routes, listener=Listener(redis_url), demo=True)
        channels = build_channels(settings)
        hands = Carrier("worker-1", channels, timeout_s=20, concurrency=4)
        async with (
            living(app),
            serve(Web(app), port) as web,
            httpx.AsyncClient(base_url=web, trust_env=False) as street,
        ):
            await hands.start()
            yield Abroad(door, hands, exchange, street)
            await hands.stop()
            for channel in channels.values():
                await channel.close()


async def known() -> list[tuple[str, str]]:
    rows = await fetch("select p.code, k.via from acknowledgements k join people p on p.id = k.person")
    return [(row["code"], row["via"]) for row in rows]


@pytest.mark.clause("4.3.3")
async def test_a_fire_rings_the_telephone_abroad_in_english_and_key_1_acknowledges_and_says_so_back(
    abroad: Abroad,
) -> None:
    await abroad.fire()
    (ringing,) = (await abroad.telephone()).calls
    assert (ringing.carrier, ringing.state, ringing.said_back) == ("twilio", "ringing", "")
    place, rest = ringing.said.split(". ", 1)
    assert rest.startswith("Fire")
    assert (ringing.said.count(f"{place}. "), ringing.said.count("Check at once.")) == (2, 2)
    assert "Press 1 to acknowledge, 2 for a false alarm, 3 for the duty desk, star to hear it again." in ringing.said
    (over,) = (await abroad.does("press", "1")).calls
    assert (over.state, over.outcome, over.pressed) == ("ended", "heard", "1")
    assert over.said_back.startswith("Acknowledged: alarm ")
    assert await known() == [("weber", "voice")]
    (row,) = await fetch("select state, t6, t7 from attempts where channel = 'voice'")
    assert row["state"] == "accepted"
    assert row["t6"] is not None  # a person heard it, says Twilio
    assert row["t7"] is not None
    assert (await abroad.street.post(f"/demo/telephones/{PHONE}", json={"do": "press"}, headers=OWN)).status_code == 409


async def test_a_reply_of_1_to_the_english_text_acknowledges_and_is_answered_by_a_text(abroad: Abroad) -> None:
    await abroad.fire()
    (text,) = (await abroad.telephone()).texts
    assert (text.carrier, text.text.startswith("FIRE ")) == ("twilio", True)
    (row,) = await fetch("select t6 from attempts where channel = 'sms'")
    assert row["t6"] is not None  # its receipt came by itself
    *_, back = (await abroad.does("reply", "1")).texts
    assert back.text.startswith("Acknowledged: alarm ")
    assert await known() == [("weber", "sms")]


async def test_a_call_that_nobody_takes_says_so_and_is_no_answer(abroad: Abroad) -> None:
    await abroad.fire()
    (ended,) = (await abroad.does("hang_up")).calls
    assert (ended.state, ended.outcome) == ("ended", "not_answered")
    (row,) = await fetch("select t6, why from attempts where channel = 'voice'")
    assert (row["t6"], row["why"]) == (None, "twilio: no-answer")
    assert await known() == []
