"""The pages and the API of policies and duty schedules: shown to whom they belong, changed by whom may."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from backend.api import build_app
from backend.console.routes import ROUTES as PAGES
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.live import Listener
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from backend.registry.importing import import_path
from backend.rota.warning import warn_of_gaps

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
#: seat → cookie, session, and what our own pages say of themselves
SEATS = {
    "desk": ("fenghuo_console", SessionKind.CONSOLE, "desk"),
    "phone": ("fenghuo_phone", SessionKind.PHONE, "1"),
}


@pytest.fixture
async def house(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    assert database
    await import_path(SAMPLE)
    settings = Settings(database=Database(url=Secret("unused")), redis=RedisSection(url=Secret(redis_url)))
    app = build_app(settings, routes=PAGES, listener=Listener(redis_url))
    begun, end = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            begun.set()
            await end.wait()

    task = asyncio.create_task(live())
    await begun.wait()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        row = await fetch_one("select id from units where code = 'FH001'")
        assert row is not None
        yield SimpleNamespace(client=client, unit=row["id"])
    end.set()
    await task


async def sitting(code: str, seat: str) -> dict[str, str]:
    name, kind, says = SEATS[seat]
    token = await open_session((await person_by_code(code)).id, kind, "test")
    return {"Cookie": f"{name}={token}", "X-Fenghuo": says, "Sec-Fetch-Site": "same-origin"}


async def rotation(*codes: str, **more: str) -> dict[str, Any]:
    people = [str((await person_by_code(code)).id) for code in codes]
    return {"people": people, "first": "2026-11-02T08:00", "count": "1", "every": "days", **more}


async def test_the_desk_sees_who_is_on_duty_and_gaps_in_red(house: SimpleNamespace) -> None:
    desk = await sitting("qian", "desk")
    empty = await house.client.get(f"/reach/{house.unit}", headers=desk)
    assert empty.status_code == 200
    assert "没有值班表" in empty.text
    assert empty.text.count("服务机构值班台") >= 4
    form = await rotation("wang", "li", name="夜班", since="20:00", until="08:00")
    made = await house.client.post(f"/reach/{house.unit}/schedules", json=form, headers=desk)
    assert made.status_code == 200, made.text
    page = (await house.client.get(f"/reach/{house.unit}", headers=desk)).text
    assert "值班表 · 夜班" in page
    assert '<li class="gap">' in page
    assert "李值班" in page
    await warn_of_gaps()
    for path in ("/", "/reach"):
        assert "值班空缺" in (await house.client.get(path, headers=desk)).text
    assert "值班空缺" in (await house.client.get("/m", headers=await sitting("wang", "phone"))).text
    assert "值班空缺" not in (await house.client.get("/m", headers=await sitting("li", "phone"))).text


async def test_people_are_swapped_and_stood_in_for_by_the_forms(house: SimpleNamespace) -> None:
    desk = await sitting("qian", "desk")
    await house.client.post(f"/reach/{house.unit}/schedules", json=await rotation("wang", name="值班"), headers=desk)
    (row,) = await fetch("select id from schedules")
    path = f"/reach/schedules/{row['id']}"
    swapped = await house.client.post(
        f"{path}/rotations/0", json=await rotation("li", "wang", version="1"), headers=desk
    )
    assert swapped.status_code == 200, swapped.text
    stale = await house.client.post(f"{path}/rotations/0", json=await rotation("li", version="1"), headers=desk)
    assert stale.status_code == 409
    zhao = str((await person_by_code("zhao")).id)
    times = {"starts_at": "2030-01-01T08:00", "ends_at": "2030-01-01T09:00"}
    stood = await house.client.post(f"{path}/stand-ins", json={"person": zhao, **times}, headers=desk)
    assert stood.status_code == 200, stood.text
    (override,) = await fetch("select id, starts_at from schedule_overrides")
    assert override["starts_at"].isoformat() == "2030-01-01T00:00:00+00:00"
    await house.client.post(f"/reach/stand-ins/{override['id']}/cancellation", json={}, headers=desk)
    assert (await fetch("select cancelled_at from schedule_overrides"))[0]["cancelled_at"] is not None
    bad = await house.client.post(
        f"{path}/rotations/0", json=await rotation("li", version="2", count="x"), headers=desk
    )
    assert bad.status_code == 400
    assert "x" in bad.json()["detail"]


async def test_a_manager_changes_delays_and_a_guard_may_only_look(house: SimpleNamespace) -> None:
    manager, guard = await sitting("wang", "phone"), await sitting("li", "phone")
    form = {"after": ["0", "0.5", "1"], "rounds": "4", "repeat_gap": "2", "ack_timeout": "5", "version": "0"}
    path = f"/m/reach/{house.unit}/policies/fire"
    refused = await house.client.post(path, json=form, headers=guard)
    assert refused.status_code == 403
    assert (await house.client.post(path, json=form, headers=manager)).status_code == 200
    assert (await house.client.post(path, json=form, headers=manager)).status_code == 409
    late = await house.client.post(path, json={**form, "version": "1", "ack_timeout": "60"}, headers=manager)
    assert (late.status_code, late.json()["code"]) == (400, "policy_refused")
    seen = await house.client.get(f"/m/reach/{house.unit}", headers=guard)
    assert 'value="0.5"' in seen.text
    assert "增加班次" not in seen.text
    assert (await house.client.get("/reach", headers=await sitting("wang", "desk"))).status_code == 403


async def test_another_units_plans_are_nobodys(house: SimpleNamespace) -> None:
    await execute("delete from grants where unit is not null")
    stranger = await sitting("wang", "phone")
    assert (await house.client.get(f"/m/reach/{house.unit}", headers=stranger)).status_code == 404
    answer = await house.client.post(f"/m/reach/{house.unit}/live", json={}, headers=stranger)
    assert answer.status_code == 404


async def test_going_live_names_what_is_missing_and_then_shows_that_it_is(house: SimpleNamespace) -> None:
    desk = await sitting("qian", "desk")
    refused = await house.client.post(f"/reach/{house.unit}/live", json={}, headers=desk)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ready")
    assert "尚未验证" in refused.json()["detail"]
    await execute("update contact_points set verified_at = created_at")
    assert (await house.client.post(f"/reach/{house.unit}/live", json={}, headers=desk)).status_code == 200
    assert "已投入运行" in (await house.client.get("/reach", headers=desk)).text
    await execute("update contact_points set failure = 'blocked' where channel <> 'app'")
    assert "通知方式不足" in (await house.client.get("/", headers=desk)).text


async def test_quiet_hours_are_set_on_the_phone(house: SimpleNamespace) -> None:
    manager = await sitting("wang", "phone")
    path = "/m/reach/quiet-hours"
    assert (
        await house.client.post(path, json={"since": "22:00", "until": "07:30"}, headers=manager)
    ).status_code == 200
    page = await house.client.get("/m/reach", headers=manager)
    assert 'value="22:00"' in page.text
    assert 'value="07:30"' in page.text
    await house.client.post(path, json={"since": "", "until": ""}, headers=manager)
    assert await fetch("select 1 from quiet_hours") == []


async def test_programs_read_and_change_the_same_by_the_operators_api(house: SimpleNamespace) -> None:
    token = await open_session((await person_by_code("qian")).id, SessionKind.API, "test")
    headers = {"Authorization": f"Bearer {token}"}
    base = f"/api/v1/units/{house.unit}"
    policies = (await house.client.get(f"{base}/policies", headers=headers)).json()
    fire = next(each for each in policies if each["severity"] == "fire")
    changed = {"policy": {**fire["policy"], "rounds": 5}, "version": 0}
    put = await house.client.put(f"{base}/policies/fire", json=changed, headers=headers)
    assert put.json() == {"version": 1}, put.text
    unsound = {"policy": {**fire["policy"], "steps": fire["policy"]["steps"][:1]}, "version": 1}
    refused = await house.client.put(f"{base}/policies/fire", json=unsound, headers=headers)
    assert refused.json()["code"] == "policy_refused"
    wang = str((await person_by_code("wang")).id)
    rotations = [{"people": [wang], "first": "2026-11-02T08:00:00"}]
    added = await house.client.post(f"{base}/schedules", json={"name": "值班", "rotations": rotations}, headers=headers)
    assert added.status_code == 201, added.text
    schedule = added.json()["id"]
    duty = await house.client.get(f"/api/v1/schedules/{schedule}/on-duty", headers=headers)
    assert duty.json() == [wang]
    listed = (await house.client.get(f"{base}/schedules?days=3", headers=headers)).json()
    assert listed[0]["now"] == [wang]
    times = {"starts_at": "2030-01-01T08:00:00+08:00", "ends_at": "2030-01-01T09:00:00+08:00"}
    stand_in = await house.client.post(
        f"/api/v1/schedules/{schedule}/stand-ins", json={"person": wang, **times}, headers=headers
    )
    gone = await house.client.delete(f"/api/v1/stand-ins/{stand_in.json()['id']}", headers=headers)
    assert gone.status_code == 204
    ready = (await house.client.get("/api/v1/readiness", headers=headers)).json()
    assert ready[0]["live_at"] is None
    assert (await house.client.post(f"{base}/live", headers=headers)).json()["code"] == "not_ready"
    assert (await house.client.get("/api/v1/gaps", headers=headers)).json() == []
