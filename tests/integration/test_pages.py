"""The pages: who gets in and how, what they show, and that nothing a device or person wrote becomes markup."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from litestar import Litestar

from backend.api import build_app
from backend.console.routes import ROUTES as PAGES
from backend.core import clock
from backend.core.announce import announcing
from backend.core.db.engine import execute, fetch
from backend.core.ids import LedgerId, new_id
from backend.core.live import Listener
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.core.vocabulary import Channel
from backend.demo.street import ROUTES as STREET
from backend.demo.street import living
from backend.intake import Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import Level, Report, StateSaid, Subject
from backend.people.model import CodePurpose, SessionKind
from backend.people.queries import person_by_code
from backend.people.service import mark_contact_failing, new_code, open_session
from backend.registry.directory import Directory
from backend.registry.importing import import_path
from miniprogram_api.routes import ROUTES as PHONE_API

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=42, component_address="65000000")


async def raise_fire(address: str = "790300000000") -> None:
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
        statements=(StateSaid(subject=SMOKE, state=0b11),),
        fingerprint=ledger_id.bytes,
        sent_at=now,
        peer="10.0.0.1:5001",
    )
    async with Intake(directory, nobody) as intake:
        entry = Entry(id=ledger_id, kind="frame_in", received_at=now, octets=b"@@##", address=address)
        await intake.take(Incoming(entry=entry, report=report))


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


@asynccontextmanager
async def house_with(redis_url: str, *, demo: bool) -> AsyncIterator[SimpleNamespace]:
    await import_path(SAMPLE)
    settings = Settings(database=Database(url=Secret("unused")), redis=RedisSection(url=Secret(redis_url)))
    routes = [*PAGES, *PHONE_API, *(STREET if demo else ())]
    lives = [living] if demo else []
    app = build_app(settings, routes=routes, listener=Listener(redis_url), demo=demo, lifespan=lives)
    async with announcing(redis_url), client_of(app) as client:
        yield SimpleNamespace(client=client)


@pytest.fixture
async def house(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    assert database
    async with house_with(redis_url, demo=False) as house:
        yield house


@pytest.fixture
async def demo(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    assert database
    async with house_with(redis_url, demo=True) as house:
        yield house


async def cookie(code: str, kind: SessionKind = SessionKind.PHONE) -> dict[str, str]:
    person = await person_by_code(code)
    name = "fenghuo_phone" if kind is SessionKind.PHONE else "fenghuo_console"
    return {"Cookie": f"{name}={await open_session(person.id, kind, 'test')}"}


async def test_whoever_is_not_signed_in_is_led_to_the_door(house: SimpleNamespace) -> None:
    assert (await house.client.get("/m")).headers["location"] == "/m/enter"
    assert (await house.client.get("/")).headers["location"] == "/enter"
    door = await house.client.get("/m/enter")
    assert door.status_code == 200
    assert "一次性验证码" in door.text


async def test_a_link_that_is_only_previewed_leaves_the_code_usable(house: SimpleNamespace) -> None:
    code = await new_code((await person_by_code("wang")).id, CodePurpose.PHONE)
    preview = await house.client.get(f"/m/enter/{code}")
    assert preview.status_code == 200
    assert "set-cookie" not in preview.headers
    foreign = await house.client.post("/m/enter", data={"code": code}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    entered = await house.client.post("/m/enter", data={"code": code}, headers={"Sec-Fetch-Site": "same-origin"})
    assert entered.headers["location"] == "/m"
    set_cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in set_cookie
    assert "samesite=lax" in set_cookie
    page = await house.client.get("/m")
    assert "王经理" in page.text
    left = await house.client.post("/m/leave", headers={"Sec-Fetch-Site": "same-origin"})
    assert left.status_code == 303
    house.client.cookies.set("fenghuo_phone", entered.cookies["fenghuo_phone"])
    assert (await house.client.get("/m")).status_code == 303  # the session itself has ended


async def test_a_wrong_code_is_told_on_the_page(house: SimpleNamespace) -> None:
    refused = await house.client.post("/m/enter", data={"code": "nonsense"})
    assert refused.status_code == 400
    assert 'role="alert"' in refused.text


async def test_the_phone_page_shows_the_fire_and_its_card(house: SimpleNamespace) -> None:
    headers = await cookie("wang")
    calm = (await house.client.get("/m", headers=headers)).text
    assert "一切正常" in calm
    await raise_fire()
    page = (await house.client.get("/m", headers=headers)).text
    assert 'data-worst="fire"' in page
    assert "感烟探测器 1层大堂" in page
    path = page.split('class="line" href="')[1].split('"')[0]
    card = (await house.client.get(path, headers=headers)).text
    assert "我已知晓" in card
    assert "还没有人确认" in card
    assert "真实火警" not in card  # first somebody knows, then somebody judges
    alarm = path.rsplit("/", 1)[1]
    own = {**headers, "X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
    await house.client.post(f"/mp/v1/alarms/{alarm}/acknowledgement", headers=own)
    after = (await house.client.get(path, headers=headers)).text
    assert "我已知晓" not in after
    assert "真实火警" in after
    assert "王经理 已确认" in after


async def test_a_wrong_verdict_is_put_right_on_the_page_as_long_as_the_alarm_stands(house: SimpleNamespace) -> None:
    headers = await cookie("wang")
    await raise_fire()
    page = (await house.client.get("/m", headers=headers)).text
    path = page.split('class="line" href="')[1].split('"')[0]
    alarm = path.rsplit("/", 1)[1]
    own = {**headers, "X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
    way = f"/mp/v1/alarms/{alarm}/verdict"
    assert (await house.client.post(way, json={"verdict": "false"}, headers=own)).status_code == 200
    judged = (await house.client.get(path, headers=headers)).text
    assert 'data-verdict="real"' in judged
    assert 'data-verdict="false"' not in judged, "that one stands"
    assert (await house.client.post(way, json={"verdict": "real"}, headers=own)).status_code == 200
    after = (await house.client.get(path, headers=headers)).text
    assert "data-verdict=" not in after.split('class="answers"')[1], "everything was said"


async def test_a_person_who_reads_english_gets_the_page_in_english(house: SimpleNamespace) -> None:
    await execute("update people set language = 'en' where code = 'wang'")
    await raise_fire()
    page = (await house.client.get("/m", headers=await cookie("wang"))).text
    assert '<html lang="en">' in page
    assert "没有报警" not in page
    assert "火警" not in page


async def test_what_people_and_devices_wrote_is_escaped(house: SimpleNamespace) -> None:
    await execute("update components set description = $1", "<script>alert(1)</script>\"'&")
    await execute("update people set name = $1 where code = 'wang'", "<b>王</b>")
    await raise_fire()
    headers = await cookie("wang")
    page = (await house.client.get("/m", headers=headers)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>王</b>" not in page


async def test_no_page_runs_a_script_that_is_not_a_file_of_ours(house: SimpleNamespace) -> None:
    answer = await house.client.get("/m", headers=await cookie("wang"))
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert "<script>" not in answer.text
    assert "onclick" not in answer.text
    script = await house.client.get("/static/phone.js")
    assert script.status_code == 200
    assert "javascript" in script.headers["content-type"]


async def test_an_alarm_of_another_unit_is_a_page_that_says_nothing(house: SimpleNamespace) -> None:
    answer = await house.client.get(f"/m/alarms/{new_id()}", headers=await cookie("wang"))
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]


async def test_the_desk_is_the_provider_s(house: SimpleNamespace) -> None:
    assert (await house.client.get("/", headers=await cookie("wang", SessionKind.CONSOLE))).status_code == 403
    await raise_fire()
    desk = await house.client.get("/", headers=await cookie("qian", SessionKind.CONSOLE))
    assert desk.status_code == 200
    assert "烽火示范大厦" in desk.text
    assert desk.text.count('class="light"') >= 4  # one lamp for each person and way


async def test_an_unidentified_device_is_marked_and_can_be_adopted_from_the_desk(house: SimpleNamespace) -> None:
    await raise_fire("aabbccddeeff")
    headers = await cookie("qian", SessionKind.CONSOLE)
    desk = (await house.client.get("/", headers=headers)).text
    assert "chip-odd" in desk
    assert "aabbccddeeff" in desk
    device = desk.split('data-device="')[1].split('"')[0]
    body = {"unit": "FH001", "building": "B1", "name": "新装置", "profile": "standard"}
    path = f"/desk/devices/{device}/adoption"
    assert (await house.client.post(path, headers=headers, json=body)).status_code == 403
    own = {**headers, "X-Fenghuo": "desk", "Sec-Fetch-Site": "same-origin"}
    adopted = await house.client.post(path, headers=own, json=body)
    assert adopted.status_code == 200, adopted.text
    assert 'data-device="' not in (await house.client.get("/", headers=headers)).text


async def test_the_demo_signs_a_local_browser_in_and_says_that_it_is_one(demo: SimpleNamespace) -> None:
    entered = await demo.client.get("/m", follow_redirects=True)
    assert "王经理" in entered.text
    assert "demo-banner" in entered.text
    desk = await demo.client.get("/", follow_redirects=True)
    assert "钱值班员" in desk.text
    again = await demo.client.get("/m")
    assert "王经理" in again.text  # the desk's cookie and the phone's live side by side


async def test_the_demo_does_not_sign_in_a_browser_that_names_another_host(demo: SimpleNamespace) -> None:
    door = await demo.client.get("/m/enter", headers={"Host": "10.1.2.3:8000"})
    assert door.status_code == 200
    assert "set-cookie" not in door.headers


async def test_the_street_shows_every_sample_person_and_takes_no_foreign_orders(demo: SimpleNamespace) -> None:
    street = await demo.client.get("/demo")
    assert street.status_code == 200
    for name in ("王经理", "李值班", "赵维保", "钱值班员"):
        assert name in street.text
    assert street.text.count('data-do="fire"') == 2
    order = {"do": "fire", "building": 0}
    assert (await demo.client.post("/demo/do", json=order)).status_code == 403
    taken = await demo.client.post("/demo/do", json=order, headers={"X-Fenghuo": "1"})
    assert taken.json() == {"heard": 0}  # no devices run in this test
    odd = await demo.client.post("/demo/do", json={"do": "explode"}, headers={"X-Fenghuo": "1"})
    assert odd.status_code == 400


async def test_without_the_demo_there_is_no_street(house: SimpleNamespace) -> None:
    assert (await house.client.get("/demo")).status_code == 404


async def test_the_street_opens_for_the_machine_that_runs_it_alone(demo: SimpleNamespace) -> None:
    named = {"Host": "10.1.2.3:8000"}
    passed_on = {"X-Forwarded-For": "203.0.113.9"}
    own = {"X-Fenghuo": "1"}
    for headers in (named, passed_on):
        for path in ("/demo", "/demo/chats/100001", "/demo/live"):
            refused = await demo.client.get(path, headers=headers)
            assert refused.status_code == 403, path
            assert "data-token" not in refused.text
        order = {"do": "fire", "building": 0}
        assert (await demo.client.post("/demo/do", json=order, headers={**headers, **own})).status_code == 403
    door = await demo.client.get("/m/enter", headers=passed_on)
    assert "set-cookie" not in door.headers


async def test_the_alarm_page_at_the_desk_is_the_provider_s(house: SimpleNamespace) -> None:
    await raise_fire()
    qian = await cookie("qian", SessionKind.CONSOLE)
    desk = (await house.client.get("/", headers=qian)).text
    path = desk.split('class="line-where" href="')[1].split('"')[0]
    page = await house.client.get(path, headers=qian)
    assert page.status_code == 200
    assert 'data-part="history"' in page.text
    assert 'data-seat="desk"' in page.text
    assert (await house.client.get(path, headers=await cookie("wang", SessionKind.CONSOLE))).status_code == 403
    assert (await house.client.get(f"/alarms/{new_id()}", headers=qian)).status_code == 404
    sun = (await house.client.get("/", headers=await cookie("sun", SessionKind.CONSOLE))).text
    assert 'data-does="acknowledge"' not in sun  # an administrator has no right to answer


async def test_a_contact_that_fails_is_shown_to_its_owner_and_to_who_can_mend_it_and_can_be_tried(
    house: SimpleNamespace,
) -> None:
    for _ in range(3):
        await mark_contact_failing(Channel.TELEGRAM, "100002", "<b>chat not found")
    own = await house.client.get("/m", headers=await cookie("li"))
    assert "您的Telegram自" in own.text
    assert "连续 3 次未送达，请核对：“&lt;b&gt;chat not found”" in own.text
    assert "chat not found" not in (await house.client.get("/m", headers=await cookie("wang"))).text
    for page, who, kind in (("/m/contacts", "wang", SessionKind.PHONE), ("/contacts", "qian", SessionKind.CONSOLE)):
        text = (await house.client.get(page, headers=await cookie(who, kind))).text
        assert "李值班 · Telegram" in text
        assert "连续 3 次未送达" in text
    assert "送不到" in (await house.client.get("/m/contacts", headers=await cookie("zhao"))).text
    (row,) = await fetch("select id from contact_points where address = '100002'")
    path, ours = f"/m/contacts/{row['id']}/test", {"X-Fenghuo": "desk", "Sec-Fetch-Site": "same-origin"}
    sent = await house.client.post(path, headers=await cookie("qian", SessionKind.CONSOLE) | ours)
    assert (sent.status_code, sent.json()["sentence"]) == (200, "测试消息已发出，请查收")
    assert len(await fetch("select id from attempts where state = 'pending'")) == 1
    foreign = await house.client.post(path, headers=await cookie("zhao") | {**ours, "X-Fenghuo": "phone"})
    assert foreign.status_code == 404


async def test_the_desk_says_why_a_way_was_not_taken(house: SimpleNamespace) -> None:
    await mark_contact_failing(Channel.TELEGRAM, "100002", "chat not found")
    await raise_fire()
    page = await house.client.get("/", headers=await cookie("qian", SessionKind.CONSOLE))
    assert "联络方式失效：“chat not found”" in page.text
