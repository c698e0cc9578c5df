"""The phone's API: sign in by code, read, answer, and the inbox with its replay; and the operator's API beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from backend.api import build_app
from backend.core import clock
from backend.core.announce import announcing
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import AlarmId, AttemptId, LedgerId, NoticeId, PersonId, new_id
from backend.core.live import Hint, Listener, publish
from backend.core.redis import connect
from backend.core.settings import Database, Http, RedisSection, Secret, Settings, Telegram
from backend.core.vocabulary import Channel, Severity
from backend.delivery.model import Card, Delivery, Receipt, Refusal
from backend.intake import Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import Level, Report, StateSaid, Subject
from backend.people.model import CodePurpose, SessionKind
from backend.people.queries import person_by_code
from backend.people.service import add_person, link_chat, new_code, open_session
from backend.registry.directory import Directory
from backend.registry.importing import import_path
from miniprogram_api.channel import AppChannel
from miniprogram_api.inbox import items_after
from miniprogram_api.routes import ROUTES
from miniprogram_api.stream import stream
from tests.patience import PATIENCE_S

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=42, component_address="65000000")
FIRE = 0b11


async def raise_fire(address: str = "790300000000", *, state: int = FIRE) -> None:
    directory = Directory()
    await directory.start()

    async def nobody(_: object) -> None:
        return None

    now, ledger_id = clock.now(), LedgerId(new_id())
    report = Report(
        address=address,
        ledger_id=ledger_id,
        received_at=now,
        first_octet_at=now,
        statements=(StateSaid(subject=SMOKE, state=state),),
        fingerprint=ledger_id.bytes,
        sent_at=now,
        peer="10.0.0.1:5001",
    )
    async with Intake(directory, nobody) as intake:
        entry = Entry(id=ledger_id, kind="frame_in", received_at=now, octets=b"@@##", address=address)
        await intake.take(Incoming(entry=entry, report=report))


def settings_for(redis_url: str, **http: Any) -> Settings:
    return Settings(
        database=Database(url=Secret("unused")), redis=RedisSection(url=Secret(redis_url)), http=Http(**http)
    )


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client in this very loop, since the pool belongs to it; the lifespan in one task, as Litestar wants it."""
    begun, end = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            begun.set()
            await end.wait()

    task = asyncio.create_task(live())
    await asyncio.wait({task, asyncio.create_task(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client
    finally:
        end.set()
        await task


@pytest.fixture
async def house(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    """The sample unit, an application, and a client; nobody is signed in."""
    assert database
    await import_path(SAMPLE)
    settings = settings_for(redis_url)
    listener = Listener(redis_url)
    app = build_app(settings, routes=ROUTES, listener=listener)
    async with announcing(redis_url), client_of(app) as client:
        yield SimpleNamespace(client=client, settings=settings, listener=listener, redis_url=redis_url)


async def bearer(code: str, kind: SessionKind = SessionKind.PHONE) -> dict[str, str]:
    person = await person_by_code(code)
    return {"Authorization": f"Bearer {await open_session(person.id, kind, 'test')}"}


async def deliveries_for(*codes: str) -> list[Delivery]:
    found = []
    for code in codes:
        row = await fetch_one(
            """select t.id, t.notice, t.person, n.alarm from attempts t join notices n on n.id = t.notice
               join people p on p.id = t.person where p.code = $1 and t.channel = 'app' order by n.created_at desc""",
            code,
        )
        assert row is not None
        await execute("update attempts set state = 'sending' where id = $1", row["id"])
        await execute("update attempts set state = 'accepted' where id = $1", row["id"])
        found.append(
            Delivery(
                attempt=row["id"], notice=row["notice"], person=row["person"], address=code, card=card(row["alarm"])
            )
        )
    return found


def card(alarm: AlarmId, *, revision: int = 0) -> Card:
    return Card(
        alarm=alarm,
        number=1,
        severity=Severity.FIRE,
        icon="🔥",
        headline="火警",
        status="报警中",
        is_active=True,
        revision=revision,
    )


def unplanned(person: PersonId, *, revision: int = 0) -> Delivery:
    return Delivery(
        attempt=AttemptId(new_id()),
        notice=NoticeId(new_id()),
        person=person,
        address="",
        card=card(AlarmId(new_id()), revision=revision),
    )


async def test_a_one_time_code_becomes_a_token_once(house: SimpleNamespace) -> None:
    wang = await person_by_code("wang")
    code = await new_code(wang.id, CodePurpose.PHONE)
    answer = await house.client.post("/mp/v1/session", json={"code": code})
    assert answer.status_code == 201
    token = answer.json()["token"]
    me = await house.client.get("/mp/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["name"] == "王经理"
    again = await house.client.post("/mp/v1/session", json={"code": code})
    assert again.status_code == 400
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json()["code"] == "code_not_valid"


async def test_an_unknown_field_is_named_and_a_missing_session_is_a_problem_document(house: SimpleNamespace) -> None:
    odd = await house.client.post("/mp/v1/session", json={"code": "x", "colour": "red"})
    assert odd.status_code == 400
    assert "colour" in odd.text
    assert (odd.json()["code"], odd.json()["type"]) == ("bad_input", "urn:fenghuo:problem:bad_input")
    nobody = await house.client.get("/mp/v1/me", headers={"Accept-Language": "zh-CN"})
    assert nobody.status_code == 401
    assert nobody.headers["content-type"] == "application/problem+json"
    nowhere = await house.client.get("/mp/v1/nothing")
    assert nowhere.status_code == 404
    assert nowhere.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code"} <= nowhere.json().keys()
    assert "content-security-policy" in nowhere.headers


async def test_a_fire_is_read_acknowledged_twice_and_judged(house: SimpleNamespace) -> None:
    await raise_fire()
    wang, li = await bearer("wang"), await bearer("li")
    cards = (await house.client.get("/mp/v1/alarms", headers=wang)).json()
    assert [each["severity"] for each in cards] == ["fire"]
    alarm = cards[0]["alarm"]
    first = await house.client.post(f"/mp/v1/alarms/{alarm}/acknowledgement", headers=wang)
    assert first.status_code == 200
    assert first.json()["is_new"] is True
    assert first.json()["via"] == "phone"
    second = (await house.client.post(f"/mp/v1/alarms/{alarm}/acknowledgement", headers=wang)).json()
    assert second["is_new"] is False
    assert second["at"] == first.json()["at"]
    seen = (await house.client.get(f"/mp/v1/alarms/{alarm}", headers=li)).json()
    assert "王经理" in seen["card"]["known_by"][0]
    assert seen["history"]
    bad = await house.client.post(f"/mp/v1/alarms/{alarm}/verdict", headers=li, json={"verdict": "maybe"})
    assert bad.status_code == 400
    judged = await house.client.post(
        f"/mp/v1/alarms/{alarm}/verdict", headers=li, json={"verdict": "false", "note": "油烟"}
    )
    assert judged.json()["verdict"] == "false"
    recent = (await house.client.get("/mp/v1/alarms?which=recent", headers=wang)).json()
    assert "误报" in recent[0]["verdict"]


async def test_a_fault_is_never_a_real_fire(house: SimpleNamespace) -> None:
    await raise_fire(state=0b101)
    wang = await bearer("wang")
    alarm = (await house.client.get("/mp/v1/alarms", headers=wang)).json()[0]["alarm"]
    path = f"/mp/v1/alarms/{alarm}/verdict"
    refused = await house.client.post(path, headers=wang, json={"verdict": "real"})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_input")
    assert refused.json()["detail"] == "只有火灾报警可以判为真实火警"
    assert await fetch_one("select verdict, acknowledged_at from alarms") == {"verdict": None, "acknowledged_at": None}
    assert (await house.client.post(path, headers=wang, json={"verdict": "fault"})).status_code == 200


async def test_another_unit_s_person_sees_nothing_and_can_t_tell_why(house: SimpleNamespace) -> None:
    await raise_fire()
    mine = (await house.client.get("/mp/v1/alarms", headers=await bearer("wang"))).json()[0]["alarm"]
    await add_person("stranger", "外人", "", "zh_CN")
    stranger = await bearer("stranger")
    assert (await house.client.get("/mp/v1/alarms", headers=stranger)).json() == []
    forbidden = await house.client.get(f"/mp/v1/alarms/{mine}", headers=stranger)
    unknown = await house.client.get(f"/mp/v1/alarms/{new_id()}", headers=stranger)
    assert forbidden.status_code == unknown.status_code == 404
    assert forbidden.json() == unknown.json()
    status = (await house.client.get("/mp/v1/status", headers=stranger)).json()
    assert status["devices"] == status["fire"] == 0


async def test_the_status_counts_alarms_and_devices(house: SimpleNamespace) -> None:
    await raise_fire()
    status = (await house.client.get("/mp/v1/status", headers=await bearer("wang"))).json()
    assert (status["fire"], status["unacknowledged"], status["devices"]) == (1, 1, 2)
    assert (status["devices_online"], status["devices_lost"]) == (1, 0), "the other one has never called"
    assert status["last_contact_at"]


async def test_the_inbox_pages_and_the_phone_s_word_stamps_the_receipt_once(house: SimpleNamespace) -> None:
    await raise_fire()
    channel = AppChannel(house.redis_url)
    [mine, other] = await deliveries_for("wang", "li")
    await channel.send(mine)
    await channel.send(other)
    headers = await bearer("wang")
    page = (await house.client.get("/mp/v1/inbox", headers=headers)).json()
    assert [item["attempt"] for item in page["items"]] == [str(mine.attempt)]
    rest = (await house.client.get(f"/mp/v1/inbox?after={page['next_after']}", headers=headers)).json()
    assert rest == {"items": [], "next_after": page["next_after"], "is_more": False}
    body = {"attempts": [str(mine.attempt), str(other.attempt)]}
    stamped = await house.client.post("/mp/v1/inbox/received", headers=headers, json=body)
    assert stamped.json() == {"received": 1}
    assert (await house.client.post("/mp/v1/inbox/received", headers=headers, json=body)).json() == {"received": 0}
    row = await fetch_one("select t6 from attempts where id = $1", other.attempt)
    assert row == {"t6": None}


@pytest.mark.usefixtures("database")
async def test_numbers_grow_in_commit_order_under_concurrent_writers(redis_url: str) -> None:
    person = await add_person("p", "人", "", "zh_CN")
    channel = AppChannel(redis_url)
    seen: list[int] = []

    async def write() -> None:
        for _ in range(20):
            await channel.send(unplanned(person))

    async def read() -> None:
        while len(seen) < 80:
            seen.extend(item.seq for item in await items_after(person, seen[-1] if seen else 0))
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(read(), *(write() for _ in range(4))), 30)
    rows = await fetch("select seq from inbox_items where person = $1 order by seq", person)
    assert seen == [row["seq"] for row in rows]  # nothing appeared behind a number that was read already


@pytest.mark.usefixtures("database")
async def test_many_cards_go_in_one_statement_and_each_has_its_answer(redis_url: str) -> None:
    known = await add_person("p", "人", "", "zh_CN")
    channel = AppChannel(redis_url)
    deliveries = [unplanned(known), unplanned(PersonId(new_id())), unplanned(known)]
    answers = await channel.send_many(deliveries)
    assert [type(answer) for answer in answers] == [Receipt, Refusal, Receipt]
    refusal = answers[1]
    assert isinstance(refusal, Refusal)
    assert refusal.permanent
    items = await items_after(known, 0)
    assert [item.attempt for item in items] == [deliveries[0].attempt, deliveries[2].attempt]
    with pytest.raises(Refusal):
        await channel.send(deliveries[1])


@pytest.mark.usefixtures("database")
async def test_a_card_that_was_put_before_is_answered_and_not_put_again(redis_url: str) -> None:
    person = await add_person("p", "人", "", "zh_CN")
    channel = AppChannel(redis_url)
    delivery = unplanned(person)
    assert await channel.send(delivery) == await channel.send(delivery)
    await channel.edit(msgspec.structs.replace(delivery, card=card(delivery.card.alarm, revision=1)))
    assert [(item.is_new, item.revision) for item in await items_after(person, 0)] == [(True, 0), (False, 1)]


async def test_the_stream_replays_then_goes_on_live_and_tells_of_the_unit(house: SimpleNamespace) -> None:
    wang = await person_by_code("wang")
    channel = AppChannel(house.redis_url)
    await channel.open()
    missed = await channel.send(unplanned(wang.id))
    events = stream(wang, 0, house.listener)
    assert b"retry:" in await anext(events)
    replayed = await anext(events)
    assert replayed.startswith(b"id: %d\nevent: item\n" % missed.surface["seq"])
    came = asyncio.create_task(until(events, b"event: item"))
    await asyncio.sleep(0)
    live = await channel.send(unplanned(wang.id))
    assert (await asyncio.wait_for(came, PATIENCE_S)).startswith(b"id: %d\n" % live.surface["seq"])
    redis = connect(house.redis_url)
    came = asyncio.create_task(until(events, b"event: changed"))
    await publish(redis, Hint(unit=str(next(iter(wang.units))), alarm="a"))
    await asyncio.wait_for(came, PATIENCE_S)
    await events.aclose()
    await channel.close()
    await redis.aclose()


async def until(events: AsyncIterator[bytes], wanted: bytes) -> bytes:
    async for event in events:
        if wanted in event:
            return event
    raise AssertionError("the stream ended")


async def test_odd_words_are_bad_input_and_no_fault_of_ours(house: SimpleNamespace) -> None:
    await raise_fire("aabbccddeeff")
    api, wang = await bearer("qian", SessionKind.API), await bearer("wang")
    [device] = (await house.client.get("/api/v1/devices/unidentified", headers=api)).json()
    body = {"unit": "FH001\0", "name": "新传输装置"}
    adopted = await house.client.post(f"/api/v1/devices/{device['id']}/adoption", headers=api, json=body)
    endless = await house.client.get("/mp/v1/inbox/live", headers={**wang, "Last-Event-ID": "9" * 5000})
    assert (adopted.status_code, adopted.json()["code"]) == (400, "bad_input")
    assert (endless.status_code, endless.json()["code"]) == (400, "bad_input")
    deep = b'{"verdict":' + b"[" * 2000 + b"]" * 2000 + b"}"
    [alarm] = await fetch("select id from alarms")
    path = f"/mp/v1/alarms/{alarm['id']}/verdict"
    nested = await house.client.post(path, headers={**wang, "Content-Type": "application/json"}, content=deep)
    assert (nested.status_code, nested.json()["code"]) == (400, "bad_input")


@pytest.mark.usefixtures("database")
async def test_a_phone_asks_for_a_link_that_binds_one_telegram_chat_once(redis_url: str) -> None:
    await import_path(SAMPLE)
    settings = msgspec.structs.replace(settings_for(redis_url), telegram=Telegram(bot_username="fenghuo_bot"))
    app = build_app(settings, routes=ROUTES, listener=Listener(redis_url))
    async with client_of(app) as client:
        wang, path = await bearer("wang"), "/mp/v1/telegram-link"
        assert (await client.post(path)).status_code == 401
        told = (await client.post(path, headers=wang)).json()
        assert told["link"] == f"https://t.me/fenghuo_bot?start={told['code']}"
        assert told["command"] == f"/start {told['code']}"
        left = datetime.fromisoformat(told["expires_at"]) - clock.now()
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
        bound = await link_chat(told["code"], Channel.TELEGRAM, "4711", "4711")
        assert bound.code == "wang"
        answers = [(await client.post(path, headers=wang)).status_code for _ in range(6)]
        assert answers[-1] == 429
        assert (await client.post(path, headers=await bearer("li"))).status_code == 200


async def test_without_the_bot_s_name_the_phone_says_what_to_send(house: SimpleNamespace) -> None:
    told = (await house.client.post("/mp/v1/telegram-link", headers=await bearer("wang"))).json()
    assert told["link"] is None
    assert told["command"].endswith(told["code"])
