"""Handovers that two people sign, and duty checks with a time limit: over the database, in chats, pages and the API."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.chat.model import Begin, Draft, Heard, Key, Saying, Speaker
from backend.complaints.filing import Filing, file
from backend.complaints.service import withdraw as take_back
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import ComplaintKind, Via
from backend.delivery.model import Card
from backend.duty.check_chat import CHECK_TALK
from backend.duty.checks import answer, ask, withdraw
from backend.duty.handover_chat import HANDOVER_TALK
from backend.duty.handovers import amend, begin, cancel, note, refuse, sign, take
from backend.duty.log import log, log_for
from backend.duty.model import CHECK_TRANSITIONS, HANDOVER_TRANSITIONS, digest
from backend.duty.queries import checks_for, handover_for, handovers_for
from backend.monitoring.model import StateSaid
from backend.people.model import Person, SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from backend.registry.importing import import_path
from backend.work_orders.chores import look_after_orders
from backend.work_orders.opening import Opening, open_order
from tests.integration.test_facilities import SAMPLE, hears, part
from tests.integration.test_pages import cookie, house
from tests.integration.test_status_review import speaker

__all__ = ["house"]
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
JSON = {"X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
TEN = timedelta(minutes=10)


@pytest.fixture
async def sample(database: str) -> AsyncIterator[StillClock]:
    with clock.use(StillClock(NOON)) as still:
        await import_path(SAMPLE)
        yield still


async def the_unit() -> UnitId:
    (row,) = await fetch("select id from units where code = 'FH001'")
    return UnitId(row["id"])


async def people(*codes: str) -> list[Person]:
    return [await person_by_code(code) for code in codes]


async def outsider() -> Person:
    unit, person = new_id(), new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'x', '别家', '', 'Asia/Tokyo', $2)""",
        unit, clock.now(),
    )  # fmt: skip
    await execute(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1, 'outsider', '外人', '', 'zh_CN', true, $2)""",
        person, clock.now(),
    )  # fmt: skip
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_manager', $3, $4)",
        new_id(), person, unit, clock.now(),
    )  # fmt: skip
    return await person_by_code("outsider")


async def acts() -> list[dict[str, Any]]:
    rows = await fetch("select facts from ledger where kind = 'action' order by seq")
    return [msgspec.json.decode(row["facts"]) for row in rows]


async def cards(about: UUID, code: str) -> list[Card]:
    rows = await fetch(
        """select distinct on (n.id) n.id, n.cards -> 'zh_CN' as card from notices n join attempts a on a.notice = n.id
           join people p on p.id = a.person where n.alarm = $1 and p.code = $2""",
        about, code,
    )  # fmt: skip
    return [msgspec.json.decode(row["card"], type=Card) for row in rows]


async def test_both_sign_the_same_frozen_content_and_it_stands_in_the_ledger(sample: StillClock) -> None:
    li, wang = await people("li", "wang")
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    begun = await begin(li, await the_unit(), Via.TELEGRAM)
    assert (await begin(li, await the_unit(), Via.PHONE)).id == begun.id
    await note(li, begun.id, "水泵房漏水，已报修", None, Via.TELEGRAM)
    signed = await sign(li, begun.id, Via.TELEGRAM)
    (waiting,) = await cards(begun.id, "wang")
    assert (waiting.about, waiting.status, waiting.what) == ("handover", "待接班人签字", "水泵房漏水，已报修")
    assert {key.verb for row in waiting.keys for key in row} == {"ho-show", "ho-refuse"}
    await hears(StateSaid(subject=part(103, 23), state=0b11))  # it burns on: what was signed stays as it was
    _, content = await handover_for(wang, begun.id)
    assert {each.name: each.count for each in content.sections}["alarms"] == 1
    assert content.notes == "水泵房漏水，已报修"
    taken = await take(wang, begun.id, Via.PHONE, sha256=signed.sha256)
    assert (taken.state, taken.decided_by, taken.decided_via) == ("taken", wang.id, Via.PHONE)
    (row,) = await fetch("select frozen, sha256 from handovers where id = $1", begun.id)
    assert digest(row["frozen"]) == row["sha256"] == signed.sha256
    named = [
        (act["what"], act["actor"], act.get("sha256")) for act in await acts() if act["what"].startswith("handover")
    ]
    assert named[-2:] == [("handover.signed", "li", signed.sha256), ("handover.taken", "wang", signed.sha256)]
    assert (await cards(begun.id, "wang"))[0].keys == ()
    assert [line.kind for line in await log_for(wang)] == ["handover", "handover"]


async def test_two_people_who_take_a_shift_at_the_same_instant_do_not_both_have_it(sample: StillClock) -> None:
    li, wang, qian = await people("li", "wang", "qian")
    begun = await begin(li, await the_unit(), Via.TELEGRAM)
    await asyncio.gather(*(sign(li, begun.id, Via.TELEGRAM) for _ in range(3)))
    results = await asyncio.gather(
        take(wang, begun.id, Via.TELEGRAM), take(qian, begun.id, Via.CONSOLE), refuse(wang, begun.id, "不", Via.PHONE),
        return_exceptions=True,
    )  # fmt: skip
    won = [each for each in results if not isinstance(each, BaseException)]
    assert len(won) == 1, results
    assert all(isinstance(each, Conflict) for each in results if isinstance(each, BaseException)), results
    done = [act["what"] for act in await acts()]
    assert done.count("handover.signed") == 1
    assert done.count("handover.taken") + done.count("handover.refused") == 1


async def test_who_hands_over_never_takes_it_and_nobody_takes_what_changed(sample: StillClock) -> None:
    li, wang = await people("li", "wang")
    begun = await begin(li, await the_unit(), Via.TELEGRAM)
    with pytest.raises(Conflict):
        await take(wang, begun.id, Via.TELEGRAM)
    signed = await sign(li, begun.id, Via.TELEGRAM)
    with pytest.raises(NotAllowed):
        await take(li, begun.id, Via.TELEGRAM)
    with pytest.raises(Conflict):
        await take(wang, begun.id, Via.TELEGRAM, sha256="0" * 64)
    assert signed.sha256
    for change in ("frozen = frozen || ' '", "notes = 'x'", "outgoing = decided_by", "state = 'draft'"):
        with pytest.raises(asyncpg.PostgresError):
            await execute(f"update handovers set {change} where id = $1", begun.id)


async def test_a_refusal_says_why_and_the_outgoing_person_hands_over_anew(sample: StillClock) -> None:
    li, wang = await people("li", "wang")
    begun = await begin(li, await the_unit(), Via.TELEGRAM)
    first = await sign(li, begun.id, Via.TELEGRAM)
    with pytest.raises(BadInput):
        await refuse(wang, begun.id, "  ", Via.TELEGRAM)
    await refuse(wang, begun.id, "缺水泵记录", Via.TELEGRAM)
    (told,) = [each for each in await cards(begun.id, "li") if each.status == "接班人未接"]
    assert "缺水泵记录" in {fact.value for fact in told.facts}
    with pytest.raises(NotAllowed):
        await amend(wang, begun.id, Via.TELEGRAM)
    await amend(li, begun.id, Via.TELEGRAM)
    await note(li, begun.id, "水泵记录已补", wang.id, Via.TELEGRAM)
    second = await sign(li, begun.id, Via.TELEGRAM)
    assert second.sha256 != first.sha256
    (qian,) = await people("qian")
    with pytest.raises(NotAllowed):  # it names 王经理
        await take(qian, begun.id, Via.CONSOLE)
    assert (await take(wang, begun.id, Via.TELEGRAM)).state == "taken"
    later = await begin(wang, await the_unit(), Via.PHONE)
    assert later.from_at == NOON
    assert (await cancel(wang, later.id, Via.PHONE)).state == "cancelled"


async def test_a_person_of_another_unit_sees_no_handover_check_or_log(sample: StillClock) -> None:
    li, wang = await people("li", "wang")
    stranger, unit = await outsider(), await the_unit()
    begun = await begin(li, unit, Via.TELEGRAM)
    await sign(li, begun.id, Via.TELEGRAM)
    check = await ask(wang, unit, TEN, "", Via.TELEGRAM)
    await log(li, unit, "一切正常", Via.TELEGRAM)
    assert await handovers_for(stranger) == []
    assert await checks_for(stranger) == []
    assert await log_for(stranger) == []
    tries = [
        handover_for(stranger, begun.id), take(stranger, begun.id, Via.API), refuse(stranger, begun.id, "x", Via.API),
        sign(stranger, begun.id, Via.API), cancel(stranger, begun.id, Via.API), begin(stranger, unit, Via.API),
        answer(stranger, check.id, Via.API), withdraw(stranger, check.id, Via.API),
        ask(stranger, unit, TEN, "", Via.API),
        log(stranger, unit, "x", Via.API), log_for(stranger, unit, is_one=True), begin(stranger, None, Via.API),
        take(stranger, new_id(), Via.API),
    ]  # fmt: skip
    for attempt in tries:
        with pytest.raises(NotFound):
            await attempt
    them = Speaker(person=stranger, via=Via.TELEGRAM, chat="9", language="zh_CN")
    presses = {**HANDOVER_TALK.presses, **CHECK_TALK.presses}
    for verb in ("ho", "ho-begin", "dc-unit", "dc-ask"):
        with pytest.raises(NotFound):
            await presses[verb](them, unit, "10")
    for verb, about in (("ho-show", begun.id), ("ho-take", begun.id), ("dc-here", check.id), ("dc-undo", check.id)):
        with pytest.raises(NotFound):
            await presses[verb](them, about, "")


async def test_a_handover_names_only_its_own_units_things_even_for_the_providers_person(sample: StillClock) -> None:
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    stranger = await outsider()
    (qian,) = await people("qian")
    begun = await begin(qian, UnitId(next(iter(stranger.units))), Via.CONSOLE)
    _, content = await handover_for(qian, begun.id)
    assert {each.name: each.count for each in content.sections} == {
        "alarms": 0,
        "masks": 0,
        "orders": 0,
        "breaches": 0,
        "devices": 0,
    }
    desk = await begin(qian, None, Via.CONSOLE)
    _, content = await handover_for(qian, desk.id)
    assert {each.name: each.count for each in content.sections}["alarms"] == 1


async def test_a_handover_names_the_orders_that_are_overdue_and_no_others(sample: StillClock) -> None:
    li, qian = await people("li", "qian")
    unit = await the_unit()
    late = await open_order(li, Opening(unit=unit, what="水泵异响", where="地下1层"), Via.PHONE)
    sample.advance(timedelta(hours=23))
    await open_order(li, Opening(unit=unit, what="灯不亮"), Via.PHONE)
    sample.advance(timedelta(hours=2))
    await look_after_orders()
    for who, where in ((li, unit), (qian, None)):
        begun = await begin(who, where, Via.PHONE)
        _, content = await handover_for(who, begun.id)
        (orders,) = [each for each in content.sections if each.name == "orders"]
        assert (orders.label, orders.count) == ("超期工单", 1)
        assert [line.text for line in orders.lines] == [f"#{late.number} 水泵异响 · 地下1层 · 待接单"]
        assert orders.lines[0].at == late.agreed_at


async def test_open_complaints_are_counted_at_the_providers_desk_for_who_may_see_them(sample: StillClock) -> None:
    li, qian, wang = await people("li", "qian", "wang")
    unit = await the_unit()
    await file(wang, Filing(unit=unit, kind=ComplaintKind.OTHER, text="无人接听"), Via.PHONE)
    await file(wang, Filing(unit=unit, kind=ComplaintKind.PERSON, text="态度差", about_person=qian.id), Via.PHONE)
    over = await file(wang, Filing(unit=unit, kind=ComplaintKind.PRAISE, text="谢谢"), Via.PHONE)
    await take_back(wang, over.id, "", Via.PHONE)

    async def counted(who: Person, where: UnitId | None) -> int | None:
        begun = await begin(who, where, Via.CONSOLE)
        _, content = await handover_for(who, begun.id)
        found = {each.name: each.count for each in content.sections}
        await cancel(who, begun.id, Via.CONSOLE)
        return found.get("complaints")

    assert await counted(li, unit) is None
    assert await counted(qian, None) is None
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'complaint_handler', null, $3)",
        new_id(), qian.id, clock.now(),
    )  # fmt: skip
    (qian,) = await people("qian")
    assert await counted(qian, None) == 1, "the one about themselves is nobody's of theirs to count"
    assert await counted(qian, unit) is None


async def test_the_database_knows_the_same_ways_as_the_tables(sample: StillClock) -> None:
    rows = await fetch(
        "select proname, prosrc from pg_proc where proname in ('handovers_move_forward', 'duty_checks_move_forward')"
    )
    source = {row["proname"]: row["prosrc"] for row in rows}
    for name, table in (
        ("handovers_move_forward", HANDOVER_TRANSITIONS),
        ("duty_checks_move_forward", CHECK_TRANSITIONS),
    ):
        ways = {(str(a), str(b)) for a, tos in table.items() for b in tos}
        for before in table:
            for after in table:
                assert (f"('{before}', '{after}')" in source[name]) == ((str(before), str(after)) in ways)


def keys(saying: Saying) -> dict[str, Key]:
    return {key.verb: key for row in saying.keys for key in row}


async def test_a_shift_is_handed_over_wholly_in_chats(sample: StillClock) -> None:
    li, wang = await speaker("li"), await speaker("wang")
    commands = {each.name: each.do for each in HANDOVER_TALK.commands}
    dialogues = {each.name: each for each in HANDOVER_TALK.dialogues}

    async def press(who: Speaker, key: Key) -> Any:
        assert len(f"{key.verb}:{key.argument}") + 22 < 64
        return await HANDOVER_TALK.presses[key.verb](who, key.about, key.argument)

    none = await commands["handover"](li, "")
    assert isinstance(none, Saying)
    draft = await press(li, keys(none)["ho-begin"])
    begins = await press(li, keys(draft)["ho-note"])
    assert isinstance(begins, Begin)
    step = dialogues[begins.dialogue].steps[0]
    at = Draft(id=new_id(), dialogue=begins.dialogue, step=step.name, answers=begins.answers, began_at=clock.now())
    assert "备注" in (await step.ask(li, at)).lines[0]
    assert step.hear
    noted = await step.hear(li, at, Heard(text="钥匙在抽屉"))
    assert noted.saying
    assert any("钥匙在抽屉" in line for line in noted.saying.lines)
    signed = await press(li, keys(noted.saying)["ho-sign"])
    assert "ho-take" not in keys(signed)
    shown = await commands["handover"](wang, "")
    assert isinstance(shown, Saying)
    refusal = await press(wang, keys(shown)["ho-refuse"])
    step = dialogues[refusal.dialogue].steps[0]
    at = Draft(id=new_id(), dialogue=refusal.dialogue, step=step.name, answers=refusal.answers, began_at=clock.now())
    assert step.hear
    await step.hear(wang, at, Heard(text="钥匙不在"))
    mine = await commands["handover"](li, "")
    assert isinstance(mine, Saying)
    again = await press(li, keys(mine)["ho-amend"])
    old = keys(shown)["ho-take"]
    await press(li, keys(again)["ho-note"])
    sample.advance(timedelta(minutes=1))
    await press(li, keys(again)["ho-sign"])
    with pytest.raises(Conflict):  # a key of what was signed before
        await press(wang, old)
    shown = await commands["handover"](wang, "")
    assert isinstance(shown, Saying)
    taken = await press(wang, keys(shown)["ho-take"])
    assert "已交接" in taken.lines[1]
    written = await commands["dutylog"](wang, "巡视完毕")
    assert isinstance(written, Saying)
    assert "巡视完毕" in written.lines[1]


async def test_pages_and_programs_show_and_do_the_same(house: SimpleNamespace) -> None:
    phone, desk = await cookie("li"), await cookie("qian", SessionKind.CONSOLE)
    unit = str(await the_unit())
    begun = await house.client.post("/mp/v1/handovers", json={"unit": unit}, headers={**phone, **JSON})
    assert begun.status_code == 200, begun.text
    way = f"/mp/v1/handovers/{begun.json()['id']}"
    await house.client.post(f"{way}/notes", json={"notes": "<b>漏水</b>", "incoming": None}, headers={**phone, **JSON})
    page = await house.client.get(f"/m/duty/{begun.json()['id']}", headers=phone)
    assert "签字交班" in page.text
    assert "<b>漏水</b>" not in page.text
    signed = (await house.client.post(f"{way}/signature", headers={**phone, **JSON})).json()
    at_desk = (await house.client.get(f"/handover/{begun.json()['id']}", headers=desk)).text
    assert f'data-sha256="{signed["sha256"]}"' in at_desk
    assert "签字接班" in at_desk
    assert "待接班人签字" in (await house.client.get("/handover", headers=desk)).text
    (qian,) = await people("qian")
    token = {"Authorization": f"Bearer {await open_session(qian.id, SessionKind.API, 'test')}"}
    (line,) = (await house.client.get("/api/v1/handovers", headers=token)).json()
    assert (line["state"], line["sha256"], line["may_take"]) == ("signed", signed["sha256"], True)
    taken = await house.client.post(
        f"/api/v1/handovers/{line['id']}/taking", json={"sha256": signed["sha256"]}, headers=token
    )
    assert taken.json()["state"] == "taken", taken.text
    check = await house.client.post("/api/v1/duty-checks", json={"unit": unit, "minutes": 5}, headers=token)
    assert check.status_code == 200, check.text
    assert 'data-duty-act="answer"' in (await house.client.get("/m/duty", headers=phone)).text
    assert 'data-duty-act="answer"' not in (await house.client.get("/duty-checks", headers=desk)).text
    here = await house.client.post(f"/mp/v1/duty-checks/{check.json()['id']}/answer", headers={**phone, **JSON})
    assert here.json()["state"] == "answered"
    assert (await house.client.get("/api/v1/duty-checks", headers=token)).json()[0]["answered_by"] == "李值班"
    lines = (await house.client.get("/api/v1/duty-log", headers=token)).json()
    assert [each["kind"] for each in lines] == ["check", "handover", "handover"]
    assert (await house.client.get("/handover", headers=await cookie("li", SessionKind.CONSOLE))).status_code == 403
    missing = await house.client.get(f"/m/duty/{new_id()}", headers=phone)
    assert missing.status_code == 404
