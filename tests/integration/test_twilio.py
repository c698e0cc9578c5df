"""Twilio from the alarm to the telephone and back, against a server that speaks its documented form."""

import contextlib
from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar

from backend.api.app import build_app
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import AttemptId, new_id
from backend.core.live import Listener
from backend.core.settings import Http, Secret, Settings, Sms, Twilio, Voice, Workers
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.demo.carriers.telephony.phones import Outcome, Telephone
from backend.demo.carriers.twilio import CallStatus, Fault, FaultKind, PhoneCall, TwilioServer, TwilioText, serve
from backend.main import _routes, build_channels
from backend.monitoring.model import Level, StateSaid, Subject
from workers.channels.twilio import ANSWERED_PATH, CALL_PATH, KEY_PATH, MESSAGE_PATH, REPLY_PATH
from workers.channels.twilio.web import twilio_routes

pytestmark = pytest.mark.told_apart

FIRE = 1 << 1
PHONE, OURS = "+4915112345678", "+15550001111"
SID, TOKEN = f"AC{'a' * 32}", "an auth token"
PUBLIC = "https://fenghuo.example/app"
SETTINGS = Settings(
    http=Http(public_url=PUBLIC),
    twilio=Twilio(account_sid=SID, auth_token=Secret(TOKEN), sender=OURS),
    sms=Sms(vendors_abroad=("twilio",)),
    voice=Voice(vendors_abroad=("twilio",)),
    workers=Workers(send_timeout_s=20),  # no deadline is at stake here
)


class Stage:
    """A fire, somebody abroad with a telephone, Twilio between them."""

    def __init__(self, door: Any, server: TwilioServer, carrier: Carrier) -> None:
        self.door = door
        self.server = server
        self.carrier = carrier
        self.fires = 0

    async def fire(self) -> None:
        """Another point burns."""
        self.fires += 1
        subject = Subject(
            level=Level.COMPONENT,
            system_type=1,
            system_address=1,
            component_type=40,
            component_address=f"{self.fires:02x}000200",
        )
        await self.door.hears(StateSaid(subject=subject, state=FIRE))
        await self.carry()

    async def carry(self) -> None:
        rows = await fetch("select id from attempts where state = 'pending'")
        await self.carrier.carry([AttemptId(row["id"]) for row in rows])

    @property
    def text(self) -> TwilioText:
        return list(self.server.texts.values())[-1]

    @property
    def call(self) -> PhoneCall:
        return list(self.server.calls.values())[-1]

    @property
    def phone(self) -> Telephone:
        return self.server.phone(PHONE)

    async def press(self, key: str) -> int:
        """A key during the call; what the hook answered."""
        await self.phone.presses(key)
        return self.call.key_status


def hooks(settings: Settings) -> httpx.AsyncClient:
    """Our web process as Twilio reaches it, behind a proxy that takes /app away."""

    class Proxy(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            request.url = request.url.copy_with(raw_path=request.url.raw_path.removeprefix(b"/app"))
            return await super().handle_async_request(request)

    return httpx.AsyncClient(transport=Proxy(Litestar(twilio_routes(settings), openapi_config=None)))


@pytest.fixture
async def contacts(unit: dict[str, UUID]) -> UUID:
    """王经理 works abroad and is reached by SMS and telephone only."""
    await execute("delete from contact_points")
    for channel in ("sms", "voice"):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, $4, 1, now(), now())""",
            new_id(),
            unit["manager"],
            channel,
            PHONE,
        )
    return unit["manager"]


@pytest.fixture
async def stage(door: Any, contacts: UUID) -> AsyncIterator[Stage]:
    server = TwilioServer(SID, TOKEN, reply_url=f"{PUBLIC}{REPLY_PATH}", http=hooks(SETTINGS))
    async with serve(server) as base:
        twilio = msgspec.structs.replace(SETTINGS.twilio, api_base=base)
        channels = build_channels(msgspec.structs.replace(SETTINGS, twilio=twilio))
        carrier = Carrier("worker-1", channels, timeout_s=20, concurrency=8)
        await carrier.start()
        yield Stage(door, server, carrier)
        await carrier.stop()
        for channel in channels.values():
            await channel.close()


async def attempt(channel: Channel) -> dict[str, Any]:
    row = await fetch_one("select * from attempts where channel = $1 order by number desc limit 1", str(channel))
    assert row is not None
    return dict(row)


async def acknowledged() -> list[str]:
    return [row["via"] for row in await fetch("select via from acknowledgements")]


async def test_a_fire_reaches_a_telephone_abroad_by_text_and_call_with_its_place_first(stage: Stage) -> None:
    await stage.fire()
    for channel, sid in ((Channel.SMS, stage.text.id), (Channel.VOICE, stage.call.id)):
        row = await attempt(channel)
        assert row["state"] == "accepted"
        assert row["is_held"]
        assert msgspec.json.decode(row["surface"]) == {"vendor": "twilio", "id": sid}
    assert (stage.text.phone, stage.text.sender) == (PHONE, OURS)
    assert stage.text.text.startswith("火警 ")
    assert stage.phone.ringing is stage.call
    assert stage.call.status is CallStatus.RINGING
    await stage.server.answer(stage.call)
    (said,) = stage.call.heard
    assert said == stage.call.said
    place = said.split("，")[0]
    assert said.count(place) == 2
    assert "按1确认" in said


@pytest.mark.clause("4.3.3")
async def test_key_1_during_the_call_acknowledges_and_is_said_back(stage: Stage) -> None:
    await stage.fire()
    await stage.server.answer(stage.call)
    assert await stage.press("1") == 200
    assert await acknowledged() == ["voice"]
    assert stage.call.heard[-1].startswith("已确认")
    assert stage.call.status is CallStatus.COMPLETED
    row = await attempt(Channel.VOICE)
    assert row["t6"] is not None
    assert row["t7"] is not None
    (alarm,) = await fetch("select acknowledged_at from alarms")
    assert alarm["acknowledged_at"] is not None


async def test_the_star_says_it_again_and_a_wrong_key_asks_again(stage: Stage) -> None:
    await stage.fire()
    await stage.server.answer(stage.call)
    first = stage.call.heard[0]
    await stage.press("*")
    assert stage.call.heard == [first, first]
    await stage.press("9")
    assert stage.call.heard[-2].startswith("未识别")
    assert stage.call.heard[-1] == first
    assert await acknowledged() == []
    await stage.press("2")
    assert (await fetch("select verdict from alarms"))[0]["verdict"] == "false"


async def test_silence_hears_it_once_more_and_the_call_ends(stage: Stage) -> None:
    await stage.fire()
    await stage.server.answer(stage.call)
    await stage.server.wait_in_silence(stage.call)
    assert stage.call.heard[0] == stage.call.heard[1]
    await stage.server.wait_in_silence(stage.call)
    assert (stage.call.heard[-1], stage.call.status) == ("没有收到按键。", CallStatus.COMPLETED)
    assert await acknowledged() == []
    assert (await attempt(Channel.VOICE))["t6"] is not None  # a person heard it, and did nothing


async def test_a_machine_has_not_heard_it_and_a_call_that_nobody_took_says_so(stage: Stage) -> None:
    for answered_by in ("machine_start", "machine_end_beep", "fax"):
        await stage.fire()
        await stage.server.answer(stage.call, answered_by)
        row = await attempt(Channel.VOICE)
        assert (row["state"], row["t6"], row["why"]) == ("accepted", None, f"twilio: {answered_by}")
    for outcome, state in (
        (Outcome.BUSY, CallStatus.BUSY),
        (Outcome.NOT_ANSWERED, CallStatus.NO_ANSWER),
        (Outcome.NO_SUCH_NUMBER, CallStatus.FAILED),
    ):
        await stage.fire()
        await stage.phone.ends(stage.call, outcome)
        assert stage.call.status is state
        row = await attempt(Channel.VOICE)
        assert (row["state"], row["t6"], row["why"]) == ("accepted", None, f"twilio: {state}")
    assert await acknowledged() == []
    (contact,) = await fetch("select failure, failures, failing_since from contact_points where channel = 'voice'")
    assert (contact["failure"], contact["failures"], contact["failing_since"] is not None) == (None, 6, True)


async def test_receipts_doubled_late_and_out_of_order_move_nothing_backwards(stage: Stage) -> None:
    for order in permutations(["sent", "delivered", "undelivered"]):
        await stage.fire()
        for status in (*order, *order):
            assert await stage.server.reach(stage.text, status, "30003" if status == "undelivered" else "") == 204
        row = await attempt(Channel.SMS)
        assert (row["state"], row["why"]) == ("accepted", None)
        assert row["t6"] is not None
        kinds = [each["kind"] for each in await fetch("select kind from receipts where attempt = $1", row["id"])]
        assert sorted(kinds) == ["accepted", "delivered", "undelivered"]


async def test_a_number_that_gets_no_texts_is_a_failing_contact(stage: Stage) -> None:
    await stage.fire()
    await stage.server.reach(stage.text, "undelivered", "30006")
    rows = await fetch("select channel, failure from contact_points order by channel")
    assert [(row["channel"], row["failure"]) for row in rows] == [("sms", "twilio: 30006"), ("voice", None)]


async def test_a_reply_of_1_acknowledges_and_is_answered(stage: Stage) -> None:
    await stage.fire()
    assert (await stage.server.reply(stage.text, " 1 ")).startswith("已确认")
    assert await acknowledged() == ["sms"]


async def test_a_stranger_is_not_answered_and_two_machines_do_not_text_for_ever(stage: Stage) -> None:
    await stage.fire()
    stranger = msgspec.structs.replace(stage.text, phone="+4915199999999")
    assert await stage.server.reply(stranger, "1") == ""
    answers = [await stage.server.reply(stage.text, "I am driving") for _ in range(8)]
    assert [bool(each) for each in answers] == [True] * 5 + [False] * 3
    assert await acknowledged() == []


async def test_only_what_bears_the_accounts_signature_is_read(stage: Stage) -> None:
    await stage.fire()
    number = (await attempt(Channel.VOICE))["number"]
    form = {"Digits": "1", "Body": "1", "From": PHONE, "To": PHONE, "MessageStatus": "failed", "AnsweredBy": "fax"}
    for path in (MESSAGE_PATH, CALL_PATH, ANSWERED_PATH, KEY_PATH, REPLY_PATH):
        url = f"{PUBLIC}{path}?attempt={number}"
        assert (await stage.server.post(url, form, token="another")).status_code == 403
        async with hooks(SETTINGS) as web:
            assert (await web.post(url, data=form)).status_code == 403
        async with hooks(Settings(http=SETTINGS.http)) as unconfigured:
            empty = TwilioServer(SID, "", http=unconfigured)
            assert (await empty.post(url, form)).status_code == 403
    assert await acknowledged() == []
    assert await fetch("select id from receipts where kind <> 'accepted'") == []


async def test_a_signature_is_good_for_its_own_attempt_only(stage: Stage) -> None:
    await stage.fire()
    number = (await attempt(Channel.VOICE))["number"]
    form = {"Digits": "1", "To": PHONE, "CallSid": stage.call.id}
    posted = await stage.server.post(f"{PUBLIC}{KEY_PATH}?attempt={number + 1}", form)
    assert posted.status_code == 200
    assert await acknowledged() == []
    async with hooks(SETTINGS) as web:
        url, headers = f"{PUBLIC}{KEY_PATH}?attempt={number}", dict(posted.request.headers)
        answer = await web.post(url, content=posted.request.content, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("query", ["", "?attempt=", "?attempt=x", "?attempt=-1", f"?attempt={'9' * 30}", "?attempt=٣"])
async def test_a_key_for_no_attempt_is_nobodys(query: str) -> None:
    async with hooks(SETTINGS) as web:
        server = TwilioServer(SID, TOKEN, http=web)
        answer = await server.post(str(httpx.URL(f"{PUBLIC}{KEY_PATH}{query}")), {"Digits": "1", "To": PHONE})
    assert answer.status_code == 400


#: fault → state, the beginning of `why`, whether the contact is dead
CLASSES = (
    (Fault(kind=FaultKind.BUSINESS, code="21211"), "refused", "twilio: 21211", True),
    (Fault(kind=FaultKind.BUSINESS, code="21610"), "refused", "twilio: 21610", True),
    (Fault(kind=FaultKind.BUSINESS, code="20003"), "refused", "twilio: 20003", False),
    (Fault(kind=FaultKind.BUSINESS, code="20005"), "refused", "twilio: 20005", False),
    (Fault(kind=FaultKind.BUSINESS, code="21617"), "refused", "twilio: 21617", False),
    (Fault(kind=FaultKind.BUSINESS, code="63038"), "refused", "twilio: 63038", False),
    (Fault(kind=FaultKind.BUSINESS, code="20429", seconds=7), "pending", "twilio: 20429", False),
    (Fault(kind=FaultKind.BUSINESS, code="20500"), "pending", "twilio: 20500", False),
)


async def test_each_class_of_refusal_leads_where_it_must(stage: Stage) -> None:
    for fault, state, why, is_dead in CLASSES:
        stage.server.faults.clear()
        stage.server.faults.add(fault)
        await execute("update contact_points set failure = null, failing_since = null")
        await stage.fire()
        for channel in (Channel.SMS, Channel.VOICE):
            row = await attempt(channel)
            assert row["state"] == state
            assert row["why"].startswith(why)
            if fault.code == "20429":
                assert (row["due_at"] - row["t4"]).total_seconds() >= 7
        rows = await fetch("select failure from contact_points")
        assert [row["failure"] is not None for row in rows] == [is_dead] * 2
    assert stage.server.texts == {}


async def test_the_web_process_mounts_the_hooks_outside_sign_in_and_refuses_them_without_a_token() -> None:
    async with contextlib.AsyncExitStack() as stack:
        routes = await _routes(Settings(), stack, demo=False)
        app = build_app(Settings(), routes=routes, listener=Listener("redis://localhost:1"))
        web = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://any.example")
        )
        for path in (MESSAGE_PATH, CALL_PATH, ANSWERED_PATH, KEY_PATH, REPLY_PATH):
            assert (await web.post(path, data={"Digits": "1"})).status_code == 403


async def test_a_wrong_token_is_refused_by_the_server_itself(door: Any, contacts: UUID) -> None:
    async with serve(TwilioServer(SID, "the right token")) as base:
        twilio = msgspec.structs.replace(SETTINGS.twilio, api_base=base)
        channels = build_channels(msgspec.structs.replace(SETTINGS, twilio=twilio))
        carrier = Carrier("worker-1", channels, timeout_s=20, concurrency=8)
        await carrier.start()
        await Stage(door, TwilioServer(SID, TOKEN), carrier).fire()
        await carrier.stop()
        for channel in channels.values():
            await channel.close()
    assert (await attempt(Channel.SMS))["why"] == "twilio: 20003 Authenticate"
