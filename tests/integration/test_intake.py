"""The front door: one transaction from frame to attempts; repeats, restores, resets, poisoned frames."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest

from backend.core import clock
from backend.core.db.engine import fetch
from backend.delivery import revising
from backend.intake import NotDurable
from backend.ledger.verify import verify
from backend.monitoring.model import (
    Level,
    LinkSaid,
    OperationSaid,
    StateSaid,
    Subject,
    UnreadableSaid,
)

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
PANEL = Subject(level=Level.SYSTEM, system_type=1, system_address=1)
UITD = Subject(level=Level.UITD)
FIRE, FAULT = 1 << 1, 1 << 2


async def alarms() -> list[dict[str, object]]:
    return await fetch("select * from alarms order by raised_at, id")


@pytest.mark.clause("4.3.1")
async def test_a_fire_becomes_ledger_row_alarm_notice_and_two_attempts_in_one_commit(door: Any) -> None:
    ledger_id = await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    (alarm,) = await alarms()
    assert (alarm["condition"], alarm["severity"], alarm["ledger_id"]) == ("fire", "fire", ledger_id)
    (notice,) = await fetch("select * from notices")
    assert notice["deadline_at"] == notice["t1"] + timedelta(seconds=3)
    attempts = await fetch("select * from attempts order by channel")
    assert [(each["channel"], each["lane"], each["state"]) for each in attempts] == [
        ("app", "fire", "pending"),
        ("telegram", "fire", "pending"),
    ]
    assert (await verify()).rows == 1
    await asyncio.sleep(0)
    assert {
        str(each) for found in door.announced for ids in found.raised.planned.attempts.values() for each in ids
    } == {str(each["id"]) for each in attempts}


async def test_a_fire_that_lasts_is_one_alarm_with_its_repeats_counted(door: Any) -> None:
    for _ in range(4):
        await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    (alarm,) = await alarms()
    assert alarm["repeats"] == 3
    assert len(await fetch("select id from notices")) == 1


async def test_the_same_frame_again_is_in_the_ledger_twice_and_counts_for_nothing(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"same")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"same")
    (alarm,) = await alarms()
    assert alarm["repeats"] == 0
    assert (await verify()).rows == 2


async def test_a_repeat_in_the_same_batch_counts_for_nothing(door: Any) -> None:
    await asyncio.gather(*(door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"same") for _ in range(5)))
    (alarm,) = await alarms()
    assert alarm["repeats"] == 0


async def standing() -> list[str]:
    return [str(each["condition"]) for each in await alarms() if each["cleared_at"] is None]


@pytest.mark.parametrize(
    "ending",
    [
        StateSaid(subject=SMOKE, state=0),
        StateSaid(subject=PANEL, state=1 << 13),
        OperationSaid(subject=UITD, flags=1, operator=2),
    ],
)
async def test_a_restoration_or_reset_sent_again_does_not_end_the_fire_after_it(door: Any, ending: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"F1")
    await door.hears(ending, print_=b"N")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"F2", since_print=b"F2 after N")
    await door.hears(ending, print_=b"N", since_print=b"N after N")
    assert await standing() == ["fire"]
    (state,) = await fetch("select state from facility_states where level = 'component'")
    assert state["state"] == FIRE


async def test_another_word_sent_again_after_a_reset_does_not_end_the_fire_after_it(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FAULT), print_=b"fault")
    await door.hears(StateSaid(subject=PANEL, state=1 << 13), print_=b"reset")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"fire", since_print=b"fire'")
    await door.hears(StateSaid(subject=SMOKE, state=FAULT), print_=b"fault", since_print=b"fault'")
    assert "fire" in await standing()


async def test_the_same_octets_after_a_restoration_are_a_new_fire_once(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"F")
    await door.hears(StateSaid(subject=SMOKE, state=0), print_=b"N")
    for _ in range(2):
        await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"F", since_print=b"F'")
    assert [(alarm["repeats"], alarm["cleared_at"] is None) for alarm in await alarms()] == [(0, False), (0, True)]
    (state,) = await fetch("select state from facility_states")
    assert state["state"] == FIRE


@pytest.mark.parametrize(
    "reset",
    [
        StateSaid(subject=PANEL, state=1 << 13),
        OperationSaid(subject=PANEL, flags=1, operator=2),
        OperationSaid(subject=UITD, flags=1, operator=2),
    ],
)
async def test_a_stored_reset_does_not_end_the_fire_that_began_after_it(door: Any, reset: Any) -> None:
    noon = clock.now()
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, device_time=noon), at=noon)
    old = msgspec.structs.replace(reset, device_time=noon - timedelta(hours=1))
    await door.hears(old, at=noon + timedelta(seconds=2))
    assert await standing() == ["fire"]
    (state,) = await fetch("select state from facility_states where level = 'component'")
    assert state["state"] == FIRE
    new = msgspec.structs.replace(reset, device_time=noon + timedelta(seconds=5))
    await door.hears(new, at=noon + timedelta(seconds=5))
    assert await standing() == []


async def test_a_reset_by_a_clock_that_was_set_back_ends_the_fire_before_it(door: Any) -> None:
    noon = clock.now()
    ahead = noon + timedelta(days=1)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, device_time=ahead), at=noon)
    await door.hears(OperationSaid(subject=PANEL, flags=1, operator=2, device_time=noon), at=noon)
    assert await standing() == []


async def test_the_same_octets_beyond_the_window_count_again(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"same", at=START)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), print_=b"same", at=START + timedelta(seconds=131))
    (alarm,) = await alarms()
    assert alarm["repeats"] == 1


async def test_a_state_word_without_the_bit_restores_and_a_new_fire_is_a_new_alarm(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await door.hears(StateSaid(subject=SMOKE, state=1))
    (alarm,) = await alarms()
    assert (alarm["cleared_by"], alarm["closed_at"]) == ("signal", None)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert [each["cleared_at"] is None for each in await alarms()] == [False, True]


async def test_bit_zero_never_suppresses(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE | 1))
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, is_test=True))
    (alarm,) = await alarms()
    assert alarm["repeats"] == 1


async def test_a_reset_of_the_panel_ends_its_signals_and_says_so(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await door.hears(StateSaid(subject=PANEL, state=1 << 13))
    (alarm,) = await alarms()
    assert alarm["cleared_by"] == "reset"
    (state,) = await fetch("select state from facility_states where level = 'component'")
    assert state["state"] == 0


async def test_a_reset_at_the_device_ends_all_its_signals(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await door.hears(OperationSaid(subject=UITD, flags=1, operator=2))
    (alarm,) = await alarms()
    assert alarm["cleared_by"] == "reset"


async def test_fire_and_restoration_in_one_batch_leave_an_open_alarm_that_has_cleared(door: Any) -> None:
    await asyncio.gather(
        door.hears(StateSaid(subject=SMOKE, state=FIRE)), door.hears(StateSaid(subject=SMOKE, state=1))
    )
    (alarm,) = await alarms()
    assert (alarm["cleared_by"], alarm["closed_at"]) == ("signal", None)
    assert len(await fetch("select id from notices")) == 1


@pytest.mark.clause("4.3.2")
async def test_a_loop_fault_told_by_its_detector_is_one_message(door: Any) -> None:
    await door.hears(StateSaid(subject=PANEL, state=FAULT))
    waiting = await fetch("select state, due_at > created_at as later from attempts")
    assert [(each["state"], each["later"]) for each in waiting] == [("pending", True)] * 2
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    rows = await fetch(
        """select a.state, m.item, m.subject like '%0a000200' as part from attempts a
           join notices n on n.id = a.notice join alarms m on m.id = n.alarm"""
    )
    assert {(row["part"], row["state"]) for row in rows} == {(True, "pending"), (False, "skipped")}
    assert {row["item"] for row in rows} == {"a"}


async def test_a_loop_fault_after_its_detectors_word_is_not_told_again(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    await door.hears(StateSaid(subject=PANEL, state=FAULT))
    states = await fetch("select state, count(*) as n from attempts group by state order by state")
    assert [(row["state"], row["n"]) for row in states] == [("pending", 2), ("skipped", 2)]


@pytest.mark.clause("4.4.2")
async def test_a_lost_link_is_an_alarm_that_ends_when_the_device_is_back(door: Any) -> None:
    await door.hears(LinkSaid(is_lost=True))
    (alarm,) = await alarms()
    assert (alarm["severity"], alarm["cleared_at"]) == ("offline", None)
    await door.hears(LinkSaid(is_lost=False))
    (alarm,) = await alarms()
    assert alarm["cleared_by"] == "link"


async def test_an_unidentified_devices_fire_goes_to_the_duty_desk_marked_so(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address="ffee00000001")
    (alarm,) = await alarms()
    assert (alarm["unit"], "unidentified" in str(alarm["marks"])) == (None, True)
    (device,) = await fetch("select unit, address from devices where address = 'ffee00000001'")
    assert device["unit"] is None


@pytest.mark.told_apart
async def test_a_reset_that_ends_many_alarms_costs_no_more_statements_than_one_that_ends_one(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("fetch", "execute"):
        real = getattr(revising, name)

        async def counted(sql: str, *values: object, real: Any = real) -> Any:
            asked.append(sql)
            return await real(sql, *values)

        monkeypatch.setattr(revising, name, counted)
    counts = []
    for many in (1, 40):
        points = [msgspec.structs.replace(SMOKE, component_address=f"{n:02x}000300") for n in range(many)]
        await door.hears(*(StateSaid(subject=point, state=FIRE) for point in points))
        asked.clear()
        await door.hears(StateSaid(subject=PANEL, state=1 << 13))
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert {row["cleared_by"] for row in await alarms()} == {"reset"}
    rows = await fetch("select distinct n.revision from notices n where n.kind = 'raised'")
    assert [row["revision"] for row in rows] == [1]


async def test_another_fire_in_words_nobody_can_parse_is_another_fire(door: Any) -> None:
    for text in ("三层火警", "五层火警", "三层火警"):
        await door.hears(UnreadableSaid(type_flag=0xC8, body="", fire_text=text))
    rows = await fetch("select condition, repeats from alarms order by number")
    assert [(row["condition"], row["repeats"]) for row in rows] == [("unreadable_fire", 1), ("unreadable_fire", 0)]


async def test_an_unreadable_report_is_told_once_a_day(door: Any) -> None:
    for _ in range(3):
        await door.hears(UnreadableSaid(type_flag=200, body="00"))
    (alarm,) = await alarms()
    assert (alarm["condition"], alarm["severity"]) == ("unreadable", "abnormal")


async def test_an_old_record_of_a_fire_neither_ends_nor_restarts_but_is_told(door: Any) -> None:
    noon = clock.now()
    await door.hears(StateSaid(subject=SMOKE, state=1, device_time=noon), at=noon)
    old = noon - timedelta(hours=1)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, device_time=old), at=noon + timedelta(seconds=5))
    (alarm,) = await alarms()
    assert (alarm["cleared_by"], alarm["device_time"]) == ("history", old)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, device_time=old), at=noon + timedelta(seconds=200))
    assert len(await alarms()) == 1


async def test_a_poisoned_frame_never_stops_the_others(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.monitoring import reading

    def explode(said: StateSaid, context: object) -> object:
        if said.state == 0x8000:
            raise ZeroDivisionError
        return reading.read_state(said, context)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "READERS", {**reading.READERS, StateSaid: explode})
    await asyncio.gather(
        door.hears(StateSaid(subject=SMOKE, state=FIRE)),
        door.hears(StateSaid(subject=SMOKE, state=0x8000)),
        door.hears(StateSaid(subject=PANEL, state=FAULT)),
    )
    found = {alarm["condition"] for alarm in await alarms()}
    assert "fire" in found
    assert "unreadable" in found
    assert (await verify()).rows == 3


async def test_a_frame_that_can_not_even_be_kept_is_its_own_senders_affair(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.intake import Intake

    commit = Intake._commit

    async def spoilt(self: Any, batch: Any) -> None:
        if any(incoming.entry.address == "bad000000000" for incoming in batch):
            raise ZeroDivisionError
        await commit(self, batch)

    monkeypatch.setattr(Intake, "_commit", spoilt)
    came = await asyncio.gather(
        door.hears(StateSaid(subject=SMOKE, state=FIRE), address="bad000000000"),
        door.hears(StateSaid(subject=PANEL, state=FAULT)),
        return_exceptions=True,
    )
    assert isinstance(came[0], NotDurable)
    assert not isinstance(came[1], Exception)
    assert (await verify()).rows == 1


async def test_what_can_not_be_committed_is_not_durable(door: Any, database: str) -> None:
    name = urlsplit(database).path.strip("/")
    outside = await asyncpg.connect(urlunsplit(urlsplit(database)._replace(path="/postgres")))
    try:
        await outside.execute(f"alter database {name} allow_connections false")
        await outside.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        with pytest.raises(NotDurable):
            await door.hears(StateSaid(subject=SMOKE, state=FIRE))
        await outside.execute(f"alter database {name} allow_connections true")
    finally:
        await outside.close()
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert len(await alarms()) == 1


async def test_a_condition_that_ends_and_begins_again_in_one_batch_is_a_new_fire(door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await asyncio.gather(
        door.hears(StateSaid(subject=SMOKE, state=0)), door.hears(StateSaid(subject=SMOKE, state=FIRE))
    )
    found = [(alarm["condition"], alarm["cleared_by"]) for alarm in await alarms()]
    assert found == [("fire", "signal"), ("fire", None)]


async def test_a_reset_and_a_fire_in_one_word_is_a_new_fire(door: Any) -> None:
    await door.hears(StateSaid(subject=PANEL, state=FIRE))
    await door.hears(StateSaid(subject=PANEL, state=1 << 13 | FIRE))
    found = [(alarm["condition"], alarm["cleared_by"]) for alarm in await alarms()]
    assert [by for _, by in found] == ["reset", None]
    assert len({condition for condition, _ in found}) == 1, "the same condition, raised anew"
