"""The deadline ledger at the desk and for programs: figures, breaches, and the quality lead's notes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from backend.alarms.untold import UNTOLD
from backend.api import build_app
from backend.console.routes import ROUTES as PAGES
from backend.core import clock
from backend.core.beats import EXPECTED
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import PersonId
from backend.core.live import Listener
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.delivery.audit_checks import CHECKS
from backend.delivery.auditor import Auditor
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.service import open_session

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")


@pytest.fixture
async def client(door: Any, add_person: Any, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A desk after a fire that nobody carried; 周质量 and 钱值班员 are the provider's."""
    await add_person("zhou", "周质量", "quality_lead", None)
    await add_person("qian", "钱值班员", "provider_operator", None)
    settings = Settings(database=Database(url=Secret("unused")), redis=RedisSection(url=Secret(redis_url)))
    app: Any = build_app(settings, routes=list(PAGES), listener=Listener(redis_url))
    still = StillClock(datetime.now(UTC))
    with clock.use(still):
        await door.hears(StateSaid(subject=SMOKE, state=1 << 1))
        still.advance(timedelta(seconds=8))
        assert await Auditor((UNTOLD, *CHECKS)).look() == 3
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as one:
            yield one


async def signed_in(code: str, kind: str) -> dict[str, str]:
    (row,) = await fetch("select id from people where code = $1", code)
    token = await open_session(PersonId(row["id"]), kind, "test")
    if kind == "api":
        return {"Authorization": f"Bearer {token}"}
    return {"Cookie": f"fenghuo_console={token}", "X-Fenghuo": "desk", "Origin": "http://127.0.0.1"}


async def test_the_page_shows_figures_and_breaches_and_filters_them(client: httpx.AsyncClient) -> None:
    desk = await signed_in("qian", "console")
    page = await client.get("/deadlines", headers=desk)
    assert page.status_code == 200
    assert page.text.count("data-breach=") == 3
    for words in ("时限内少于两种联络方式 · 没有运行的发送进程", "CQC/SC 11002-2025 4.3.3", "尚未送达", "示范大厦"):
        assert words in page.text
    assert "原因与改进措施" not in page.text, "an operator writes no notes"
    short = await client.get("/deadlines?span=month&kind=kinds_short&severity=fire", headers=desk)
    assert short.text.count("data-breach=") == 1
    none = await client.get("/deadlines?severity=fault", headers=desk)
    assert "没有不符合项" in none.text
    odd = await client.get("/deadlines?span=%3Cb%3E&kind=%3Cb%3E", headers=desk)
    assert odd.status_code == 200
    assert "<b>&" not in odd.text


async def test_only_the_providers_people_see_the_page(client: httpx.AsyncClient, unit: dict[str, UUID]) -> None:
    assert (await client.get("/deadlines", headers=await signed_in("wang", "console"))).status_code == 403
    assert (await client.get("/deadlines")).headers["location"] == "/enter"


async def test_the_quality_lead_notes_a_measure_at_the_desk_and_all_see_it(client: httpx.AsyncClient) -> None:
    lead = await signed_in("zhou", "console")
    assert "原因与改进措施" in (await client.get("/deadlines", headers=lead)).text
    (breach, *_) = await fetch("select id from breaches")
    to = f"/desk/breaches/{breach['id']}/notes"
    assert (await client.post(to, headers=await signed_in("qian", "console"), json={"text": "x"})).status_code == 403
    assert (await client.post(to, headers=lead, json={"text": " "})).status_code == 400
    assert (await client.post(to, headers=lead, json={"text": "<b>加装第二网卡"})).status_code == 201
    page = await client.get("/deadlines", headers=await signed_in("qian", "console"))
    assert "周质量：&lt;b&gt;加装第二网卡" in page.text
    rows = await fetch("select facts from ledger where facts like '%breach.note%'")
    assert msgspec.json.decode(rows[0]["facts"])["actor"] == "zhou"


async def test_programs_read_figures_and_breaches_of_their_units_only(
    client: httpx.AsyncClient, add_person: Any
) -> None:
    all_units = await signed_in("zhou", "api")
    figures = (await client.get("/api/v1/deadlines", headers=all_units)).json()
    assert (figures["speeds"][0]["severity"], figures["speeds"][0]["notices"], figures["speeds"][0]["held"]) == (
        "fire",
        1,
        0,
    )
    assert {each["kind"]: each["breaches"] for each in figures["causes"]} == {"attempt_late": 2, "kinds_short": 1}
    found = (await client.get("/api/v1/breaches?kind=kinds_short", headers=all_units)).json()
    assert [(each["kind"], each["unit"], each["cause_code"]) for each in found] == [
        ("kinds_short", "u1", "worker_dead")
    ]
    assert (
        await client.post(f"/api/v1/breaches/{found[0]['id']}/notes", headers=all_units, json={"text": "查明"})
    ).status_code == 204
    await add_person("he", "何外人", "unit_manager", UUID(int=7))
    stranger = await signed_in("he", "api")
    assert (await client.get("/api/v1/breaches", headers=stranger)).json() == []
    assert (await client.get("/api/v1/deadlines", headers=stranger)).json()["speeds"][0]["notices"] == 0
    unseen = await client.post(f"/api/v1/breaches/{found[0]['id']}/notes", headers=stranger, json={"text": "查明"})
    assert unseen.status_code == 404


@pytest.mark.parametrize(
    "query", ["since=2026-11-01T00:00:00", "since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z", "kind=odd"]
)
async def test_a_stretch_that_is_none_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/api/v1/breaches?{query}", headers=await signed_in("zhou", "api"))).status_code == 400


async def test_the_desk_shows_a_lamp_for_each_part_of_the_house_that_is_missing(client: httpx.AsyncClient) -> None:
    desk = await signed_in("qian", "console")
    for pid, name in enumerate(EXPECTED):
        await execute("insert into process_beats values ($1, 'h', $2, $3, $3)", name, pid, clock.now())
    assert "data-missing" not in (await client.get("/", headers=desk)).text
    await execute("update process_beats set at = at - interval '1 minute' where name = 'fire'")
    page = (await client.get("/", headers=desk)).text
    assert page.count("data-missing") == 1
    assert "火警发送未运行" in page
    await execute("update process_beats set ails = '{voice/twilio}' where name = 'routine'")
    assert "语音电话 twilio无应答，已暂停" in (await client.get("/", headers=desk)).text
