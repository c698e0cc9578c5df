"""Duty schedules that people keep: by right, in the ledger, and a gap is warned of once, seven days ahead."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, Conflict, NotAllowed
from backend.core.ids import PersonId, UnitId
from backend.delivery.gaps import tell_of_gaps
from backend.demo.start import _plan_duty
from backend.people.model import Person
from backend.people.queries import person
from backend.registry.importing import import_path
from backend.rota.model import Hours, Rotation, on_duty
from backend.rota.queries import NoSuchSchedule, open_gaps_for, schedule_for, schedules_for
from backend.rota.service import add_schedule, cancel_stand_in, change_schedule, stand_in
from backend.rota.warning import warn_of_gaps

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
FIRST = datetime(2026, 11, 2, 8)  # noqa: DTZ001 - the unit's wall clock
SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
Add = Callable[..., Awaitable[UUID]]


@pytest.fixture
def still() -> Iterator[StillClock]:
    with clock.use(StillClock(NOON)) as one:
        assert isinstance(one, StillClock)
        yield one


@pytest.fixture
async def manager(still: StillClock, unit: dict[str, UUID]) -> Person:
    return await person(PersonId(unit["manager"]))


async def test_a_schedule_is_made_changed_once_a_version_and_stood_in_for(
    manager: Person, unit: dict[str, UUID], add_person: Add, still: StillClock
) -> None:
    here = UnitId(unit["unit"])
    li = PersonId(await add_person("li", "李值班", "unit_duty", here))
    schedule = await add_schedule(manager, here, "值班", [Rotation(people=(manager.id,), first=FIRST)])
    both = [Rotation(people=(manager.id, li), first=FIRST)]
    assert await change_schedule(manager, schedule, 1, "值班", both) == 2
    with pytest.raises(Conflict):
        await change_schedule(manager, schedule, 1, "值班", both)
    override = await stand_in(manager, schedule, manager.id, NOON, NOON + timedelta(hours=1), li)
    (found,) = await schedules_for(manager, here)
    assert on_duty(found, NOON) == (manager.id,)
    await cancel_stand_in(manager, override)
    assert on_duty(await schedule_for(manager, schedule), NOON) == (li,)
    acts = await fetch("select facts::jsonb ->> 'what' as what from ledger order by seq")
    assert [row["what"] for row in acts] == [
        "schedule.added", "schedule.changed", "schedule.stood_in", "schedule.stand_in_cancelled",
    ]  # fmt: skip


async def test_schedules_are_the_units_own(manager: Person, unit: dict[str, UUID], add_person: Add) -> None:
    here = UnitId(unit["unit"])
    guard = await person(PersonId(await add_person("li", "李值班", "unit_duty", here)))
    schedule = await add_schedule(manager, here, "值班", [Rotation(people=(manager.id,), first=FIRST)])
    with pytest.raises(NotAllowed):
        await change_schedule(guard, schedule, 1, "值班", [Rotation(people=(guard.id,), first=FIRST)])
    stranger = PersonId(await add_person("x", "外人", "quality_lead", None))
    await execute("delete from grants where person = $1", stranger)
    with pytest.raises(BadInput):
        await stand_in(manager, schedule, stranger, NOON, NOON + timedelta(hours=1))
    with pytest.raises(NoSuchSchedule):
        await schedule_for(await person(stranger), schedule)


async def test_a_gap_is_warned_of_once_and_closed_when_somebody_takes_it(
    manager: Person, unit: dict[str, UUID], still: StillClock
) -> None:
    days = (Hours(since=time(8), until=time(20)), Hours(since=time(20), until=time(8), weekdays=frozenset(range(6))))
    rotation = Rotation(people=(manager.id,), first=FIRST, hours=days)
    schedule = await add_schedule(manager, UnitId(unit["unit"]), "值班", [rotation])
    assert await warn_of_gaps() == 1  # the night that begins on Sunday
    still.advance(timedelta(hours=3))
    assert await warn_of_gaps() == 0
    (gap,) = await open_gaps_for(manager)
    assert (gap.starts_at, gap.ends_at) == (datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))
    await stand_in(manager, schedule, manager.id, gap.starts_at, gap.ends_at)
    assert await warn_of_gaps() == 0
    assert await open_gaps_for(manager) == []
    warned = await fetch("select facts::jsonb -> 'gaps' as gaps from ledger where facts like '%gaps_warned%'")
    assert len(warned) == 1


async def test_who_lost_their_role_is_a_gap(manager: Person, unit: dict[str, UUID], add_person: Add) -> None:
    here = UnitId(unit["unit"])
    li = PersonId(await add_person("li", "李值班", "unit_duty", here))
    await add_schedule(manager, here, "值班", [Rotation(people=(manager.id, li), first=FIRST)])
    assert await warn_of_gaps() == 0
    await execute("delete from grants where person = $1", li)
    assert await warn_of_gaps() > 0


async def test_the_sample_unit_has_somebody_on_duty_at_every_hour(database: str) -> None:
    await import_path(SAMPLE)
    await _plan_duty()
    await _plan_duty()
    assert len(await fetch("select id from schedules")) == 1
    assert await warn_of_gaps() == 0


async def gap_cards() -> list[tuple[str, str, str, bool]]:
    """Of each gap card by each way: whom it is for, the state of its attempt, its status, whether it is drawn again."""
    rows = await fetch(
        """select p.code, t.state, n.cards -> t.language ->> 'status' as status, t.redraw_at is not null as is_redrawn
           from attempts t join notices n on n.id = t.notice join people p on p.id = t.person
           where n.kind = 'gap' and t.state <> 'skipped' order by n.created_at, p.code, t.channel"""
    )
    return [(row["code"], row["state"], row["status"], row["is_redrawn"]) for row in rows]


async def test_a_units_manager_is_told_of_a_gap_once_and_the_card_says_when_it_is_filled(
    manager: Person, unit: dict[str, UUID], add_person: Add, still: StillClock
) -> None:
    here = UnitId(unit["unit"])
    await add_person("li", "李值班", "unit_duty", here)
    nights = Hours(since=time(20), until=time(8), weekdays=frozenset(range(6)))
    days = (Hours(since=time(8), until=time(20)), nights)
    schedule = await add_schedule(manager, here, "值班", [Rotation(people=(manager.id,), first=FIRST, hours=days)])
    assert await tell_of_gaps() == 0
    await warn_of_gaps()
    assert [await tell_of_gaps(), await tell_of_gaps()] == [1, 0]
    assert await gap_cards() == [(manager.code, "pending", "待安排", False)] * 2
    (row,) = await fetch("select cards -> 'zh_CN' -> 'facts' -> 0 ->> 'value' as words from notices")
    assert row["words"] == "11-29 20:00 – 11-30 08:00"

    await execute("update attempts set state = 'sending'")
    await execute("update attempts set state = 'accepted'")
    (gap,) = await open_gaps_for(manager)
    await stand_in(manager, schedule, manager.id, gap.starts_at, gap.ends_at)
    await warn_of_gaps()
    assert [await tell_of_gaps(), await tell_of_gaps()] == [0, 0]
    assert await gap_cards() == [(manager.code, "accepted", "已无空缺", True)] * 2


async def test_where_a_unit_has_no_manager_the_duty_desk_hears_of_its_gaps(
    manager: Person, unit: dict[str, UUID], add_person: Add
) -> None:
    desk = PersonId(await add_person("qian", "钱值班员", "provider_operator", None))
    await execute(
        """insert into contact_points (id, person, channel, address, priority, created_at)
           values (gen_random_uuid(), $1, 'app', 'qian', 1, now())""",
        desk,
    )
    await add_schedule(manager, UnitId(unit["unit"]), "值班", [Rotation(people=(manager.id,), first=FIRST)])
    await execute("delete from grants where person = $1", manager.id)
    assert await warn_of_gaps() > 0
    await tell_of_gaps()
    assert [card[0] for card in await gap_cards()] == ["qian"]
