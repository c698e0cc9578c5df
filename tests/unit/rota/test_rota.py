"""Who is on duty: turns, hours, stand-ins and gaps, on the wall clock of the unit's zone."""

import itertools
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.ids import PersonId, UnitId
from backend.rota.model import Every, Hours, Override, Rotation, Schedule, gaps, on_duty, shifts

ANNA, BO, CHEN, DU = (PersonId(UUID(int=number)) for number in range(1, 5))
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
FIRST = datetime(2026, 3, 2, 8, 0)  # noqa: DTZ001 - the wall clock of the unit, a Monday


def schedule(*rotations: Rotation, timezone: str = SHANGHAI, overrides: tuple[Override, ...] = ()) -> Schedule:
    return Schedule(
        id=UUID(int=9),
        unit=UnitId(UUID(int=8)),
        name="值班",
        timezone=timezone,
        version=1,
        rotations=rotations,
        overrides=overrides,
    )


def local(zone: str, *parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


DAILY = Rotation(people=(ANNA, BO, CHEN), first=FIRST)
DAY = Rotation(people=(ANNA,), first=FIRST, hours=(Hours(since=time(8), until=time(20)),))
NIGHT = Rotation(people=(BO,), first=FIRST, hours=(Hours(since=time(20), until=time(8)),))


def test_people_follow_each_other_in_order_at_the_handover() -> None:
    table = schedule(DAILY)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 2, 7, 59)) == ()
    assert on_duty(table, local(SHANGHAI, 2026, 3, 2, 8)) == (ANNA,)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 3, 7, 59)) == (ANNA,)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 3, 8)) == (BO,)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 5, 8)) == (ANNA,)


def test_turns_may_be_counted_in_hours() -> None:
    table = schedule(Rotation(people=(ANNA, BO), first=FIRST, count=12, every=Every.HOURS))
    assert on_duty(table, local(SHANGHAI, 2026, 3, 2, 19, 59)) == (ANNA,)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 2, 20)) == (BO,)


def test_day_and_night_duty_share_the_clock_without_a_gap() -> None:
    table = schedule(DAY, NIGHT)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 4, 12)) == (ANNA,)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 4, 23)) == (BO,)
    assert on_duty(table, local(SHANGHAI, 2026, 3, 4, 3)) == (BO,)
    assert gaps(table, local(SHANGHAI, 2026, 3, 3), local(SHANGHAI, 2026, 3, 17)) == ()


def test_a_night_belongs_to_the_weekday_it_begins_on() -> None:
    weeknights = Hours(since=time(20), until=time(8), weekdays=frozenset(range(5)))
    table = schedule(Rotation(people=(BO,), first=FIRST, hours=(weeknights,)))
    assert on_duty(table, local(SHANGHAI, 2026, 3, 7, 3)) == (BO,)  # Friday's night, on Saturday
    assert on_duty(table, local(SHANGHAI, 2026, 3, 7, 23)) == ()
    assert on_duty(table, local(SHANGHAI, 2026, 3, 9, 3)) == ()  # Sunday's night, on Monday


def test_somebody_stands_in_for_one_person_or_for_all() -> None:
    at = local(SHANGHAI, 2026, 3, 2, 12)
    for_anna = Override(id=UUID(int=1), person=DU, starts_at=at, ends_at=at + timedelta(hours=2), instead_of=ANNA)
    table = schedule(DAILY, Rotation(people=(BO,), first=FIRST), overrides=(for_anna,))
    assert on_duty(table, at - timedelta(seconds=1)) == (ANNA, BO)
    assert on_duty(table, at) == (DU, BO)
    assert on_duty(table, at + timedelta(hours=2)) == (ANNA, BO)
    for_all = msgspec.structs.replace(for_anna, instead_of=None)
    assert on_duty(msgspec.structs.replace(table, overrides=(for_all,)), at) == (DU,)


def test_gaps_are_found_to_the_minute_and_closed_by_who_stands_in() -> None:
    table = schedule(DAY)
    since, until = local(SHANGHAI, 2026, 3, 3), local(SHANGHAI, 2026, 3, 4)
    assert [(gap.starts_at, gap.ends_at) for gap in gaps(table, since, until)] == [
        (since, local(SHANGHAI, 2026, 3, 3, 8)),
        (local(SHANGHAI, 2026, 3, 3, 20), until),
    ]
    evening = Override(id=UUID(int=1), person=DU, starts_at=local(SHANGHAI, 2026, 3, 3, 20), ends_at=until)
    closed = msgspec.structs.replace(table, overrides=(evening,))
    assert [gap.ends_at for gap in gaps(closed, since, until)] == [local(SHANGHAI, 2026, 3, 3, 8)]


def test_who_can_not_come_leaves_a_gap() -> None:
    table = msgspec.structs.replace(schedule(DAILY), gone=frozenset({BO}))
    (gap,) = gaps(table, local(SHANGHAI, 2026, 3, 2, 8), local(SHANGHAI, 2026, 3, 5, 8))
    assert (gap.starts_at, gap.ends_at) == (local(SHANGHAI, 2026, 3, 3, 8), local(SHANGHAI, 2026, 3, 4, 8))


def test_a_handover_stays_at_its_hour_when_summer_time_begins_and_ends() -> None:
    table = schedule(DAILY, timezone=BERLIN)
    since, until = local(BERLIN, 2026, 3, 27, 8), local(BERLIN, 2026, 4, 1, 8)
    found = shifts(table, since, until)
    assert {shift.starts_at.astimezone(ZoneInfo(BERLIN)).hour for shift in found} == {8}
    assert timedelta(hours=23) in {shift.ends_at - shift.starts_at for shift in found}
    autumn = shifts(table, local(BERLIN, 2026, 10, 23, 8), local(BERLIN, 2026, 10, 28, 8))
    assert timedelta(hours=25) in {shift.ends_at - shift.starts_at for shift in autumn}


def test_a_handover_in_the_doubled_hour_happens_once_and_in_the_skipped_hour_after_the_jump() -> None:
    half_past_two = datetime(2026, 3, 1, 2, 30)  # noqa: DTZ001 - the wall clock
    table = schedule(Rotation(people=(ANNA, BO), first=half_past_two), timezone=BERLIN)
    before = on_duty(table, local(BERLIN, 2026, 10, 25, 2, 29))
    after = on_duty(table, local(BERLIN, 2026, 10, 25, 2, 30))
    assert before != after
    assert on_duty(table, local(BERLIN, 2026, 10, 25, 2, 10, fold=1)) == after
    assert on_duty(table, local(BERLIN, 2026, 3, 29, 1, 59)) != on_duty(table, local(BERLIN, 2026, 3, 29, 3, 31))


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from([SHANGHAI, BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    count=st.integers(1, 40),
    every=st.sampled_from(Every),
    since=st.integers(9, 20),
    start=st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 20)),  # noqa: DTZ001 - drawn as UTC below
)
def test_shifts_have_no_holes_and_say_what_on_duty_says(
    zone: str, count: int, every: Every, since: int, start: datetime
) -> None:
    hours = (Hours(since=time(since), until=time(since - 8)),)
    table = schedule(
        Rotation(people=(ANNA, BO), first=FIRST, count=count, every=every),
        Rotation(people=(CHEN,), first=FIRST, hours=hours),
        timezone=zone,
    )
    begin = start.replace(tzinfo=UTC)
    found = shifts(table, begin, begin + timedelta(days=4))
    assert (found[0].starts_at, found[-1].ends_at) == (begin, begin + timedelta(days=4))
    for one, other in itertools.pairwise(found):
        assert one.ends_at == other.starts_at
        assert one.people != other.people
    for shift in found:
        for at in (shift.starts_at, shift.ends_at - timedelta(microseconds=1)):
            assert on_duty(table, at) == shift.people
