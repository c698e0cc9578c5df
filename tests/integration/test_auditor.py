"""The auditor inside: what is missing is found once, mended and recorded with its cause; what is recorded stays."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.alarms.escalating import escalate
from backend.alarms.untold import UNTOLD
from backend.core import clock
from backend.core.beats import Beat, beat, beats, missing
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotAllowed, NotFound
from backend.core.ids import AttemptId, PersonId
from backend.core.vocabulary import Channel, Via
from backend.delivery.audit_checks import CHECKS
from backend.delivery.auditor import Auditor
from backend.delivery.breaches import say
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt, Refusal
from backend.ledger.verify import verify
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.queries import person
from tests.patience import PATIENCE_S

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE = 1 << 1
FAULT = 1 << 2


class Carriers:
    """A carrier in memory that takes everything, or answers what the test wants."""

    can_edit = True

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.refusal: Refusal | None = None
        self.sent: list[Delivery] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(delivery)
        return Receipt(surface={"message": len(self.sent)})

    async def edit(self, delivery: Delivery) -> Receipt:
        return await self.send(delivery)


class House:
    """Carriers, a worker's hands, and time."""

    def __init__(self, carrier: Carrier, app: Carriers, telegram: Carriers, still: StillClock) -> None:
        self.carrier, self.app, self.telegram, self.still = carrier, app, telegram, still

    async def carry(self) -> int:
        waiting = await fetch("select id from attempts where state in ('pending', 'sending')")
        return await self.carrier.carry([AttemptId(row["id"]) for row in waiting])

    def pass_by(self, seconds: float) -> None:
        self.still.advance(timedelta(seconds=seconds))


def auditor() -> Auditor:
    return Auditor((UNTOLD, *CHECKS))


async def breaches(kind: str | None = None) -> list[dict[str, Any]]:
    return await fetch("select * from breaches where $1::text is null or kind = $1 order by kind, due_at, id", kind)


async def notes() -> list[tuple[str, str]]:
    rows = await fetch(
        "select b.kind, x.kind as note from breach_notes x join breaches b on b.id = x.breach order by 1, 2"
    )
    return [(row["kind"], row["note"]) for row in rows]


@pytest.fixture
def still() -> Any:
    with clock.use(StillClock(datetime.now(UTC))) as one:
        yield one


@pytest.fixture
async def house(still: StillClock, door: Any) -> AsyncIterator[House]:
    app, telegram = Carriers(Channel.APP), Carriers(Channel.TELEGRAM)
    carrier = Carrier("worker-1", {each.name: each for each in (app, telegram)}, timeout_s=PATIENCE_S, concurrency=8)
    await carrier.start()
    yield House(carrier, app, telegram, still)
    await carrier.stop()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody behind our back, with every right there is."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_where_all_is_well_nothing_is_found(house: House, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await house.carry()
    house.pass_by(30)
    assert await auditor().look() == 0
    assert await breaches() == []


@pytest.mark.clause("4.3.1")
async def test_a_notice_whose_attempts_are_gone_is_found_once_by_two_auditors_and_planned_again(
    house: House, door: Any, owner: asyncpg.Connection
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await owner.execute("delete from attempts")
    house.pass_by(1.5)
    found = await asyncio.gather(*(auditor().look() for _ in range(2)))
    assert sum(found) == 1
    (breach,) = await breaches()
    (gone, again) = await fetch("select id, t1, deadline_at from notices order by id")
    assert (breach["kind"], breach["notice"], breach["cause_code"]) == (
        "notice_unattempted",
        gone["id"],
        "rows_missing",
    )
    assert breach["due_at"] == gone["deadline_at"]
    assert again["deadline_at"] == gone["deadline_at"], "the deadline still counts from the frame"
    assert await house.carry() == 2
    rows = await fetch("select notice, state, is_held from attempts")
    assert [(row["notice"], row["state"], row["is_held"]) for row in rows] == [(again["id"], "accepted", True)] * 2
    house.pass_by(5)
    assert await auditor().look() == 0
    assert await notes() == [("notice_unattempted", "completed"), ("notice_unattempted", "repaired")]


async def test_an_alarm_without_a_notice_is_found_once_by_two_auditors_and_told(
    house: House, door: Any, owner: asyncpg.Connection
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await owner.execute("delete from escalations")
    await owner.execute("delete from attempts")
    await owner.execute("delete from notices")
    house.pass_by(1.5)
    found = await asyncio.gather(*(auditor().look() for _ in range(2)))
    assert sum(found) == 1
    (breach,) = await breaches()
    (alarm,) = await fetch("select id from alarms")
    assert (breach["kind"], breach["subject"], breach["clause"]) == (
        "alarm_untold",
        alarm["id"],
        "CQC/SC 11002-2025 4.3.1",
    )
    assert await house.carry() == 2
    assert house.telegram.sent[0].card.headline == "火警"
    assert (await notes())[-1] == ("alarm_untold", "repaired")


@pytest.mark.clause("4.3.3")
async def test_a_carrier_that_refuses_makes_a_breach_of_the_attempt_and_of_the_two_kinds_and_the_desk_is_told(
    house: House, door: Any, add_person: Any
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    house.telegram.refusal = Refusal("no such chat", permanent=True)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await house.carry()
    house.pass_by(4.1)
    assert await auditor().look() == 2
    late, short = await breaches()
    assert (late["kind"], late["cause_code"], late["clause"]) == (
        "attempt_late",
        "carrier_refused",
        "CQC/SC 11002-2025 4.3.1",
    )
    assert msgspec.json.decode(late["cause"])["why"] == "no such chat"
    assert (short["kind"], short["cause_code"], short["clause"]) == (
        "kinds_short",
        "carrier_refused",
        "CQC/SC 11002-2025 4.3.3",
    )
    assert msgspec.json.decode(short["cause"])["in_time"] == "app"
    await house.carry()
    told = house.app.sent[-1]
    assert told.address == "qian"
    assert told.card.banner.startswith("规定时间内未以两种方式通知到单位")
    house.pass_by(1)
    assert await auditor().look() == 0
    assert (await notes()) == [("kinds_short", "repaired")]


@pytest.mark.clause("4.3.3")
async def test_the_desk_hears_before_the_deadline_of_what_can_not_be_told_any_more(
    house: House, door: Any, add_person: Any
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    house.telegram.refusal = Refusal("no such chat", permanent=True)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(0.3)
    assert await auditor().look() == 0
    assert await fetch("select id from notices where kind = 'overdue'") == [], "it is still under way"
    await house.carry()
    house.pass_by(1)
    assert await asyncio.gather(auditor().look(), auditor().look()) == [0, 0]
    assert await house.carry() == 1
    assert house.app.sent[-1].address == "qian"
    house.pass_by(3)
    assert await auditor().look() == 2
    assert len(await fetch("select id from notices where kind = 'overdue'")) == 1, "the desk is told once"


async def test_an_attempt_nobody_took_says_whether_a_worker_lived(house: House, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(4.1)
    await auditor().look()
    assert {row["cause_code"] for row in await breaches("attempt_late")} == {"worker_dead"}
    await execute("insert into process_beats values ('fire', 'h', 1, $1, $1)", clock.now() + timedelta(seconds=4))
    await door.hears(StateSaid(subject=msgspec.structs.replace(SMOKE, component_address="0b000200"), state=FIRE))
    house.pass_by(4.1)
    await auditor().look()
    assert {row["cause_code"] for row in await breaches("attempt_late")} == {"worker_dead", "backlog"}


async def test_what_is_accepted_late_gets_a_second_entry_with_how_late(house: House, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(4.1)
    assert await auditor().look() == 3
    assert await notes() == []
    house.pass_by(0.9)
    await house.carry()
    assert await auditor().look() == 0
    rows = await fetch("select facts from breach_notes where kind = 'completed'")
    assert [msgspec.json.decode(row["facts"]) for row in rows] == [{"late_ms": 2000}] * 3


async def test_a_message_that_is_due_for_long_and_in_nobodys_hands_is_a_breach_of_our_own_rule(
    house: House, door: Any
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await house.carry()
    await door.hears(StateSaid(subject=SMOKE, state=0))
    house.pass_by(11)
    assert await auditor().look() == 1
    (stuck,) = await breaches()
    assert (stuck["kind"], stuck["clause"], stuck["cause_code"]) == ("attempt_stuck", None, "worker_dead")


async def test_what_another_alarm_tells_of_is_no_breach(house: House, door: Any) -> None:
    for number in range(7):
        subject = msgspec.structs.replace(SMOKE, component_address=f"{number:02x}000200")
        await door.hears(StateSaid(subject=subject, state=FAULT))
    await house.carry()
    assert await fetch("select id from attempts where state = 'skipped'")
    house.pass_by(30)
    assert await auditor().look() == 0


async def test_nobody_to_tell_is_recorded_once_and_not_planned_for_ever(house: House, door: Any) -> None:
    await execute("delete from grants")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    for _ in range(3):
        house.pass_by(2)
        await auditor().look()
    (breach,) = await breaches()
    assert (breach["kind"], breach["cause_code"]) == ("notice_unattempted", "nobody")
    assert len(await fetch("select id from notices")) == 1


async def test_what_happened_while_no_auditor_lived_is_found_by_the_next(house: House, door: Any) -> None:
    await auditor().look()
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(3 * 3600)
    late = auditor()
    found = 0
    for _ in range(6):
        found += await late.look()
        house.pass_by(1)
    assert found == 4  # both ways, the notice's kinds, and the step of its policy that nobody took


async def test_a_breach_can_be_neither_altered_nor_deleted(house: House, door: Any, owner: asyncpg.Connection) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(4.1)
    await auditor().look()
    await house.carry()
    await auditor().look()
    for statement in (
        "update breaches set cause_code = 'unknown'",
        "update breaches set due_at = found_at",
        "delete from breaches",
        "update breach_notes set facts = '{}'",
        "delete from breach_notes",
        "truncate breach_notes",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(statement)


async def test_breaches_stand_in_the_ledger_whose_chain_holds(house: House, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(4.1)
    await asyncio.gather(*(auditor().look() for _ in range(2)))
    rows = [msgspec.json.decode(row["facts"]) for row in await fetch("select facts from ledger where kind = 'action'")]
    assert sorted(row["kind"] for row in rows if row["what"] == "breach.found") == [
        "attempt_late",
        "attempt_late",
        "kinds_short",
    ]
    assert {row["actor"] for row in rows} == {"auditor"}
    assert (await verify()).is_good


async def test_the_quality_lead_notes_a_cause_and_nobody_else_does(
    house: House, door: Any, unit: dict[str, UUID], add_person: Any
) -> None:
    lead = await person(PersonId(await add_person("zhou", "周质量", "quality_lead", None)))
    stranger = await person(PersonId(await add_person("he", "何外人", "unit_manager", None)))
    await execute("delete from grants where person = $1", stranger.id)
    stranger = await person(stranger.id)
    manager = await person(PersonId(unit["manager"]))
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    house.pass_by(4.1)
    await auditor().look()
    breach: UUID = (await breaches())[0]["id"]
    with pytest.raises(NotAllowed):
        await say(manager, breach, "不怪我们", Via.CONSOLE)
    with pytest.raises(NotFound):
        await say(stranger, breach, "?", Via.CONSOLE)
    await say(lead, breach, "机房断电\n已加装UPS\x00", Via.CONSOLE)
    (row,) = await fetch("select person, text from breach_notes where kind = 'note'")
    assert (row["person"], row["text"]) == (lead.id, "机房断电\n已加装UPS")


async def test_a_process_that_no_longer_beats_is_missing(database: str, still: StillClock) -> None:
    assert database
    await beat("fire", clock.now())
    seen = await beats()
    assert "fire" not in missing(seen, clock.now())
    still.advance(timedelta(seconds=9))
    assert "fire" in missing(seen, clock.now())
    bot = Beat(name="bot", host="h", pid=1, at=clock.now() - timedelta(minutes=5))
    assert missing([bot], clock.now())[-1] == "bot"


@pytest.mark.told_apart
async def test_each_step_that_nobody_took_is_a_breach_of_its_own(door: Any, unit: dict[str, UUID]) -> None:
    with clock.use(StillClock(datetime(2026, 11, 25, 4, tzinfo=UTC))) as still:
        assert isinstance(still, StillClock)
        await door.hears(StateSaid(subject=SMOKE, state=FIRE))
        auditor = Auditor(CHECKS)
        for minutes in (2, 5):
            still.advance(timedelta(minutes=minutes))
            for _ in range(2):
                await auditor.look()
            assert await escalate() == 1
    rows = await fetch("select cause from breaches where kind = 'escalation_late' order by due_at")
    assert [msgspec.json.decode(row["cause"])["step"] for row in rows] == [0, 1]
