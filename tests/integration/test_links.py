"""Links as rows: outages, availability over a month, mass outages told once a unit and once to the desk."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.mass_outages import tend_outages
from backend.alarms.storm_tending import tend
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, execute_many, fetch
from backend.core.errors import BadInput
from backend.core.ids import DeviceId, PersonId, new_id
from backend.core.settings import Carriers, Storms
from backend.monitoring.availability import Month
from backend.monitoring.link_queries import availability_for, month_asked
from backend.monitoring.model import LinkSaid
from backend.people.queries import person
from protocol_gateway.collaborators import DatabaseDeviceStore, LinkCheck

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DEVICE = "790300000000"


@pytest.fixture
def time() -> Iterator[StillClock]:
    still = StillClock(NOON)
    with clock.use(still):
        yield still


async def lose(door: Any, address: str = DEVICE, silent_s: float = 90) -> None:
    since = clock.now() - timedelta(seconds=silent_s)
    await door.hears(LinkSaid(is_lost=True, silent_since=since), address=address)


async def come_back(door: Any, address: str = DEVICE) -> None:
    await door.hears(LinkSaid(is_lost=False), address=address)


@pytest.mark.clause("4.4.2")
async def test_an_outage_is_one_row_from_its_loss_to_its_return(time: StillClock, door: Any, unit: Any) -> None:
    await lose(door)
    time.advance(timedelta(minutes=10))
    await lose(door, silent_s=690)  # said again after a restart of ours: the same outage
    time.advance(timedelta(minutes=20))
    await come_back(door)
    (row,) = await fetch("select lost_at, recognised_at, restored_at, cause from link_outages")
    assert row["recognised_at"] - row["lost_at"] == timedelta(seconds=90)
    assert row["restored_at"] - row["lost_at"] == timedelta(minutes=30, seconds=90)
    (link,) = await fetch("select is_lost from device_links")
    assert not link["is_lost"]


@pytest.mark.clause("4.4.2")
async def test_the_cable_is_cut_and_the_unit_knows_within_a_hundred_seconds(
    time: StillClock, door: Any, unit: Any
) -> None:
    await lose(door)
    rows = await fetch(
        """select t.channel, n.severity, t.state, t.due_at - o.lost_at as after from attempts t
           join notices n on n.id = t.notice join link_outages o on true order by t.channel"""
    )
    assert [(row["channel"], row["severity"], row["state"]) for row in rows] == [
        ("app", "offline", "pending"),
        ("telegram", "offline", "pending"),
    ]
    assert all(row["after"] <= timedelta(seconds=100) for row in rows)


@pytest.mark.clause("4.4.2")
async def test_a_month_says_how_available_a_link_was_and_what_was_repaired_late(
    time: StillClock, door: Any, unit: Any
) -> None:
    await execute("update devices set adopted_at = $1", datetime(2026, 11, 21, 16, tzinfo=UTC))
    await execute(
        """insert into service_agreements (id, unit, number, scope, repair_hours, starts_on, is_active)
           values ($1, $2, 'A1', '', 1, $3, true)""",
        new_id(),
        unit["unit"],
        NOON,
    )
    await lose(door, silent_s=0)
    time.advance(timedelta(hours=3))
    await come_back(door)
    time.advance(timedelta(hours=9))
    manager = await person(PersonId(unit["manager"]))
    (link,) = await availability_for(manager, Month(2026, 11))
    # registered at midnight in Shanghai, and it is midnight again
    assert (link.percent, link.lost_s, link.cycle_s) == (87.5, 3 * 3600, 1800)
    (outage,) = link.outages
    assert (outage.is_late, outage.cause) == (True, "silent")
    (october,) = await availability_for(manager, Month(2026, 10))
    assert (october.percent, october.outages) == (None, ())


async def test_the_patrol_s_record_adds_up_by_the_day_and_proves_the_cycle(
    time: StillClock, door: Any, unit: Any
) -> None:
    store = DatabaseDeviceStore()
    for silence in (30, 90, 45):
        check = LinkCheck(
            device=DeviceId(unit["device"]),
            at=clock.now(),
            asked=2,
            heard=3,
            longest_silence_s=silence,
            last_asked_at=clock.now(),
            last_heard_at=clock.now(),
            heard_by="patrol",
        )
        await store.keep_checks([check])
        time.advance(timedelta(minutes=5))
    (link,) = await availability_for(await person(PersonId(unit["manager"])), Month(2026, 11))
    assert (link.asked, link.heard, link.longest_silence_s, link.heard_by) == (6, 9, 90, "patrol")
    assert link.keeps_cycle


async def test_a_gateway_knows_when_it_was_last_alive(time: StillClock, door: Any, unit: Any) -> None:
    store = DatabaseDeviceStore()
    assert await store.begin_run("gateway-1", clock.now()) is None
    await store.keep_alive("gateway-1", NOON + timedelta(seconds=10))
    assert await store.begin_run("gateway-1", NOON + timedelta(hours=1)) == NOON + timedelta(seconds=10)
    await door.hears(LinkSaid(is_lost=False))
    assert await store.last_contacts() == {DEVICE: NOON}


async def test_another_unit_s_links_are_not_seen(
    time: StillClock, door: Any, unit: Any, add_person: Callable[..., Awaitable[UUID]]
) -> None:
    other = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'u2', '别处', '', 'Asia/Shanghai', $2)""",
        other,
        NOON,
    )
    stranger = await add_person("li", "李四", "unit_manager", other, app="li")
    assert await availability_for(await person(PersonId(stranger)), Month(2026, 11)) == []


@pytest.mark.parametrize("word", ["2026", "2026-13", "11-2026", "2026-1", "abcd-ef"])
def test_a_month_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(BadInput):
        month_asked(word)


async def _fleet(units: int, devices: int) -> list[str]:
    """Units with their manager, two kinds of contact each, and devices that were heard over one line."""
    rows = [(new_id(), f"m{n}", f"单位{n}") for n in range(units)]
    people = [(new_id(), f"p{n}") for n in range(units)]
    await execute_many(
        "insert into units (id, code, name, address, timezone, created_at) values ($1,$2,$3,'','Asia/Shanghai',now())",
        rows,
    )
    await execute_many(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1, $2, $2, '', 'zh_CN', true, now())""",
        people,
    )
    await execute_many(
        "insert into grants (id, person, role, unit, granted_at) values ($1,$2,'unit_manager',$3,now())",
        [(new_id(), who[0], unit[0]) for who, unit in zip(people, rows, strict=True)],
    )
    await execute_many(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, $3, $4, 1, now(), now())""",
        [(new_id(), who[0], way, who[1]) for who in people for way in ("app", "telegram")],
    )
    addresses = [f"aa{n:010x}" for n in range(devices)]
    ids = [new_id() for _ in addresses]
    await execute_many(
        """insert into devices (id, unit, kind, address, power, profile, name, adopted_at, downlink_serial)
           values ($1, $2, 'uitd', $3, 'mains', 'standard', '', now(), 0)""",
        [(one, rows[n % units][0], address) for n, (one, address) in enumerate(zip(ids, addresses, strict=True))],
    )
    await execute_many(
        """insert into device_links (id, device, is_lost, peer, transport, last_contact_at, deviations)
           values ($1, $2, false, $3, 'tcp', $4, '{}')""",
        [(new_id(), one, f"10.1.{n % 200}.{n % 250}:5001", NOON) for n, one in enumerate(ids)],
    )
    return addresses


@pytest.mark.clause("4.4.2")
async def test_a_mass_outage_is_one_notice_a_unit_and_one_for_the_desk(
    time: StillClock, unit: Any, door: Any, add_person: Callable[..., Awaitable[UUID]]
) -> None:
    await add_person("desk", "值班员", "provider_operator", None, app="desk", telegram="9")
    addresses = await _fleet(20, 300)
    # the directory learns of the fleet
    await door.intake._directory.refresh()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1,'z','','','UTC',now())", new_id()
    )
    bystanders = await _links_elsewhere(400)
    carriers = Carriers(networks=("10.0.0.0/16=电信",), least=10)
    for first in range(0, 300, 50):
        await asyncio.gather(*(lose(door, address) for address in addresses[first : first + 50]))
        await tend_outages(carriers)
        time.advance(timedelta(seconds=2))
    await tend_outages(carriers)
    told = await fetch(
        """select n.unit, count(distinct n.id) as n from notices n join attempts t on t.notice = n.id
           where n.kind = 'raised' and t.state <> 'skipped' group by n.unit"""
    )
    assert {row["n"] for row in told} == {1}
    assert (len(told), sum(row["unit"] is None for row in told)) == (21, 1)
    (outage,) = await fetch("select title, place, facts from alarms where condition = 'mass_outage'")
    assert "电信" in outage["place"]
    assert all(f'"{words}", "{n}"' in outage["facts"] for words, n in (("影响设备数", 300), ("影响单位数", 20)))
    assert len(bystanders) == 400


async def _links_elsewhere(count: int) -> list[UUID]:
    """Links that stay: the line that fell is not our own."""
    (home,) = await fetch("select id from units where code = 'z'")
    ids = [new_id() for _ in range(count)]
    await execute_many(
        """insert into devices (id, unit, kind, address, power, profile, name, adopted_at, downlink_serial)
           values ($1, $2, 'uitd', $3, 'mains', 'standard', '', now(), 0)""",
        [(one, home["id"], f"bb{n:010x}") for n, one in enumerate(ids)],
    )
    await execute_many(
        """insert into device_links (id, device, is_lost, peer, transport, last_contact_at, deviations)
           values ($1, $2, false, '10.2.0.1:1', 'tcp', $3, '{}')""",
        [(new_id(), one, NOON) for one in ids],
    )
    return ids


@pytest.mark.clause("4.4.2")
async def test_the_return_of_many_is_told_as_one(time: StillClock, unit: Any, door: Any) -> None:
    addresses = await _fleet(1, 40)
    await door.intake._directory.refresh()
    carriers = Carriers(networks=("10.0.0.0/16=电信",), least=10)
    await asyncio.gather(*(lose(door, address) for address in addresses))
    await tend_outages(carriers)
    time.advance(timedelta(seconds=30))
    await asyncio.gather(*(come_back(door, address) for address in addresses[:20]))
    await tend_outages(carriers)
    assert await fetch("select from alarms where condition = 'mass_outage' and cleared_at is null") != []
    await asyncio.gather(*(come_back(door, address) for address in addresses[20:]))
    await tend_outages(carriers)
    time.advance(timedelta(seconds=61))
    await tend(Storms())
    await tend(Storms())
    assert await fetch("select from alarms where condition = 'mass_outage' and cleared_at is null") == []
    rows = await fetch(
        """select n.kind, count(distinct n.id) as n from notices n join attempts t on t.notice = n.id
           where n.unit is not null and t.state <> 'skipped' group by n.kind"""
    )
    assert {row["kind"]: row["n"] for row in rows} == {"raised": 1, "digest": 1}
    (digest,) = await fetch("select cards from notices where kind = 'digest'")
    assert "全部恢复" in digest["cards"]
