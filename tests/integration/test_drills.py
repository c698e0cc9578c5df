"""Drills and tests (演练/测试): marked alarms stay inside the house, are announced, and can be called real."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.alarms.masks.chores import look_after_masks
from backend.alarms.masks.model import NoSuchMask, Scope, ScopeKind, Window, WindowKind, WindowState
from backend.alarms.masks.queries import windows_for
from backend.alarms.masks.service import ask, lift
from backend.alarms.masks.windows import end_window, make_real, open_window
from backend.alarms.model import NoSuchAlarm
from backend.alarms.queries import card_for, history_for
from backend.alarms.service import judge
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, NotFound
from backend.core.ids import PersonId, UnitId, ZoneId, new_id
from backend.core.vocabulary import Verdict, Via
from backend.delivery.reasons import Why, written
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from tests.integration.test_masks import (
    FAULT,
    FIRE,
    NORMAL,
    PUMP,
    SMOKE,
    START,
    Add,
    attempts,
    keeper,
    manager,
    points,
    scope_of,
    still,
    the_alarm,
    told,
)

__all__ = ["keeper", "manager", "points", "still"]
HOUR = timedelta(hours=1)


@pytest.fixture
async def telephones(manager: Person, add_person: Add) -> Person:
    """The manager is reached by SMS and voice too, and there is a duty desk; answers its operator."""
    for channel in ("sms", "voice"):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, '13800000001', 1, now(), now())""",
            new_id(),
            manager.id,
            channel,
        )
    return await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))


async def drill(points: dict[str, UUID], by: Person, **options: Any) -> Window:
    scope = Scope(kind=ScopeKind.UNIT, unit=UnitId(points["unit"]))
    given = {"from_at": clock.now(), "until_at": clock.now() + 2 * HOUR, "via": Via.CONSOLE, **options}
    return await open_window(by, scope, WindowKind.DRILL, "季度疏散演练", **given)


@pytest.mark.clause("4.4.4")
async def test_a_drills_alarm_carries_its_banner_and_rings_no_sms_or_voice(
    points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    window = await drill(points, manager)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    fire = await the_alarm()
    assert (await card_for(manager, fire, "zh_CN")).banner == "演练"
    why = written(Why.INSIDE, number=window.number, mark="演练")
    assert await attempts(fire) == [
        ("app", "pending", None),
        ("sms", "skipped", why),
        ("telegram", "pending", None),
        ("voice", "skipped", why),
    ]
    (notice,) = await fetch("select deadline_at - t1 as within from notices where alarm = $1", fire)
    assert notice["within"] == timedelta(seconds=3)
    await door.hears(StateSaid(subject=SMOKE, state=NORMAL))
    rows = await fetch("""select t.channel, t.state from attempts t join notices n on n.id = t.notice
        where n.kind = 'restored' order by 1""")
    assert [tuple(row.values()) for row in rows] == [
        ("sms", "skipped"),
        ("telegram", "pending"),
        ("voice", "skipped"),
    ]


async def test_only_the_people_named_are_told_and_who_answers_for_the_units_fires(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, telephones: Person, add_person: Add
) -> None:
    assert telephones
    await add_person("wu", "吴维保", "maintainer", UnitId(points["unit"]), app="wu")
    await drill(points, manager, people=[keeper.id])
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    rows = await fetch(
        """select distinct p.code from attempts t join notices n on n.id = t.notice join people p on p.id = t.person
           where n.alarm = $1 and t.state = 'pending' order by 1""",
        await the_alarm(),
    )
    assert [row["code"] for row in rows] == [manager.code, "zhao"]
    with pytest.raises(BadInput):
        await drill(points, manager, people=[telephones.id])


@pytest.mark.clause("4.4.4")
async def test_a_real_verdict_in_a_drill_tells_everybody_at_once(
    points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    await drill(points, manager)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    fire = await the_alarm()
    assert await told(fire) == 2
    await judge(manager, fire, Verdict.REAL, Via.PHONE)
    assert sorted(channel for channel, state, _ in (await attempts(fire))[4:] if state == "pending") == [
        "app",
        "sms",
        "telegram",
        "voice",
    ]
    assert (await card_for(manager, fire, "zh_CN")).banner == ""
    assert "升级为真实报警，现在通知" in [line.text for line in await history_for(manager, fire, "zh_CN")]


async def test_a_real_fire_ends_the_drill_and_tells_what_else_stands(
    points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    window = await drill(points, manager)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    fire = await the_alarm()
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    other = await the_alarm()
    await make_real(manager, other, Via.PHONE)
    await look_after_masks()
    assert (await fetch("select state from test_windows"))[0]["state"] == "open"
    beside = msgspec.structs.replace(SMOKE, component_address="0b000200")
    await door.hears(StateSaid(subject=beside, state=FIRE))
    second = await the_alarm()
    await judge(manager, fire, Verdict.REAL, Via.PHONE)
    await look_after_masks()
    assert (await fetch("select state from test_windows where id = $1", window.id))[0]["state"] == "ended"
    assert await told(second) == 2 + 4
    (notice, *_) = await fetch("select t2 from notices where alarm = $1 order by created_at desc", second)
    assert notice["t2"] is not None


async def test_whoever_may_acknowledge_may_call_an_alarm_real_once(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, telephones: Person
) -> None:
    assert telephones
    await drill(points, manager)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    before = await told(alarm)
    await make_real(keeper, alarm, Via.PHONE)
    after = await told(alarm)
    assert after > before
    await make_real(keeper, alarm, Via.PHONE)
    assert await told(alarm) == after


async def test_a_window_over_fire_points_is_announced_at_its_start_and_its_end(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, telephones: Person
) -> None:
    assert telephones
    window = await drill(points, manager, from_at=START + HOUR, until_at=START + 2 * HOUR)
    await look_after_masks()
    assert window.state is WindowState.PLANNED
    assert await fetch("select id from notices") == []
    still.advance(HOUR)
    await look_after_masks()
    await look_after_masks()
    rows = await fetch(
        """select n.unit is null as is_desk, p.code, t.channel, t.state from attempts t join notices n
           on n.id = t.notice join people p on p.id = t.person where n.alarm = $1 order by 1, 2, 3""",
        window.id,
    )
    assert [tuple(row.values()) for row in rows] == [
        (False, "wang", "app", "pending"),
        (False, "wang", "sms", "skipped"),
        (False, "wang", "telegram", "pending"),
        (False, "wang", "voice", "skipped"),
        (True, "qian", "app", "pending"),
    ]
    still.advance(HOUR)
    await look_after_masks()
    cards = await fetch("select cards from notices where alarm = $1 order by created_at", window.id)
    assert len(cards) == 4
    assert all("演练已结束" in row["cards"] for row in cards)


async def test_what_stands_when_the_drill_is_over_is_told_unless_people_judged_it(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    window = await drill(points, manager)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    judged = await the_alarm()
    await judge(manager, judged, Verdict.TEST, Via.PHONE)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    unjudged = await the_alarm()
    still.advance(HOUR)
    await end_window(manager, window.id, Via.CONSOLE)
    assert (await end_window(manager, window.id, Via.CONSOLE)).state is WindowState.ENDED
    assert (await told(judged), await told(unjudged)) == (2, 2 + 4)
    await door.hears(StateSaid(subject=SMOKE, state=NORMAL))
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await told(await the_alarm()) == 4


async def test_a_window_that_is_not_open_yet_or_over_holds_nothing_back(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    await drill(points, manager, from_at=START + HOUR, until_at=START + 2 * HOUR)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await told(await the_alarm()) == 4
    still.advance(HOUR)
    await look_after_masks()
    still.advance(HOUR)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    assert await told(await the_alarm()) == 4


async def test_a_drill_that_would_reach_nobody_or_last_too_long_is_refused_and_one_whose_people_went_away_is_told(
    points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    with pytest.raises(BadInput):
        await drill(points, manager, until_at=clock.now() + 5 * HOUR)
    await drill(points, manager)
    await execute("update contact_points set failure = 'blocked' where channel in ('app', 'telegram')")
    with pytest.raises(BadInput):
        await drill(points, manager)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    states = {(channel, state) for channel, state, _ in await attempts(await the_alarm())}
    assert {("sms", "pending"), ("voice", "pending")} <= states


async def test_faults_inside_and_outside_a_drill_are_never_told_together(
    points: dict[str, UUID], door: Any, manager: Person, telephones: Person
) -> None:
    assert telephones
    zone = Scope(kind=ScopeKind.ZONE, zone=ZoneId(points["zone"]))
    await open_window(
        manager, zone, WindowKind.TEST, "月检", from_at=clock.now(), until_at=clock.now() + HOUR, via=Via.CONSOLE
    )
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    for n in range(7):
        other = msgspec.structs.replace(SMOKE, component_address=f"0{n}0003ff")
        await door.hears(StateSaid(subject=other, state=FAULT))
    rows = await fetch("select id, marks ? 'test_window' as is_inside from alarms order by number")
    assert [row["is_inside"] for row in rows] == [True] + [False] * 7
    assert await told(rows[1]["id"]) == 4
    whys = {why for row in rows[1:] for _, state, why in await attempts(row["id"]) if state == "skipped"}
    assert whys == {written(Why.TOGETHER, number=2)}


async def test_what_a_window_held_goes_over_to_the_mask_or_window_that_goes_on(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    short = await drill(points, manager, until_at=START + HOUR)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    before = await told(alarm)
    longer = await drill(points, manager, until_at=START + 3 * HOUR)
    still.advance(HOUR)
    await look_after_masks()
    assert [row["state"] for row in await fetch("select state from test_windows order by number")] == ["ended", "open"]
    mask = await ask(keeper, scope_of(points, PUMP), "检修", START + 4 * HOUR, Via.PHONE)
    await end_window(manager, longer.id, Via.PHONE)
    assert short.number < longer.number
    assert (await card_for(manager, alarm, "zh_CN")).banner == "屏蔽"
    assert await told(alarm) == before
    await drill(points, manager, until_at=clock.now() + HOUR)
    await lift(keeper, mask.id, "", Via.PHONE)
    assert await told(alarm) > before


async def test_another_units_person_sees_no_window_and_turns_nothing_real(
    points: dict[str, UUID], door: Any, manager: Person, add_person: Add
) -> None:
    elsewhere = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '别处', '', 'UTC', now())",
        elsewhere,
    )
    stranger = await person(PersonId(await add_person("sun", "孙经理", "unit_manager", elsewhere, app="sun")))
    window = await drill(points, manager)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert (len(await windows_for(manager)), await windows_for(stranger)) == (1, [])
    with pytest.raises(NoSuchMask):
        await end_window(stranger, window.id, Via.PHONE)
    with pytest.raises(NoSuchAlarm):
        await make_real(stranger, await the_alarm(), Via.PHONE)
    with pytest.raises(NotFound):
        await drill(points, stranger)
