"""Delivery: leases, refusals, redraws, the sweeper; every state by compare-and-set, nothing twice, nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.alarms.service import acknowledge
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, AttemptId, PersonId
from backend.core.vocabulary import Channel, Lane, Via
from backend.delivery import sweep
from backend.delivery.carry import Carrier
from backend.delivery.model import ATTEMPT_TRANSITIONS, AttemptState, Delivery, Receipt, Refusal
from backend.delivery.reasons import sentence
from backend.delivery.service import received
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.queries import person
from tests.patience import PATIENCE_S

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE = 1 << 1


WAYS_TO = {
    AttemptState.PENDING: (),
    AttemptState.SENDING: (AttemptState.SENDING,),
    AttemptState.ACCEPTED: (AttemptState.SENDING, AttemptState.ACCEPTED),
    AttemptState.REFUSED: (AttemptState.SENDING, AttemptState.REFUSED),
    AttemptState.SKIPPED: (AttemptState.SKIPPED,),
}


class FakeChannel:
    """A carrier in memory: answers what the test wants, and remembers what it was asked."""

    can_edit = True

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.sent: list[Delivery] = []
        self.edited: list[Delivery] = []
        self.answers: list[Refusal | None] = []
        self.gate: asyncio.Event | None = None

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        self.sent.append(delivery)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return Receipt(surface={"message": len(self.sent)})

    async def edit(self, delivery: Delivery) -> Receipt:
        self.edited.append(delivery)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return Receipt(surface=delivery.surface or {})


class Hands:
    """A worker's hands and the two carriers they reach."""

    def __init__(self, carrier: Carrier, app: FakeChannel, telegram: FakeChannel) -> None:
        self.carrier = carrier
        self.app = app
        self.telegram = telegram

    async def carry(self) -> int:
        return await self.carrier.carry(await pending())


async def pending() -> list[AttemptId]:
    return [
        AttemptId(row["id"]) for row in await fetch("select id from attempts where state in ('pending', 'sending')")
    ]


async def states() -> dict[str, str]:
    return {row["channel"]: row["state"] for row in await fetch("select channel, state from attempts")}


@pytest.fixture
def still() -> Any:
    now = datetime.now(UTC)
    with clock.use(StillClock(now)) as one:
        yield one


@pytest.fixture
async def hands(still: Any, door: Any) -> AsyncIterator[Hands]:
    app, telegram = FakeChannel(Channel.APP), FakeChannel(Channel.TELEGRAM)
    carrier = Carrier("worker-1", {each.name: each for each in (app, telegram)}, timeout_s=1.0, concurrency=8)
    await carrier.start()
    yield Hands(carrier, app, telegram)
    await carrier.stop()


@pytest.mark.clause("4.3.3")
async def test_a_fire_goes_out_in_two_ways_and_its_stamps_are_kept(hands: Hands, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await hands.carry() == 2
    assert await states() == {"app": "accepted", "telegram": "accepted"}
    rows = await fetch("select t4, t5, is_held, deadline_at from attempts")
    assert all(row["is_held"] and row["t4"] <= row["t5"] <= row["deadline_at"] for row in rows)
    assert hands.telegram.sent[0].card.headline == "火警"


async def test_a_second_ring_finds_nothing_to_do(hands: Hands, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    ids = await pending()
    await asyncio.gather(*(hands.carrier.carry(ids) for _ in range(5)))
    assert (len(hands.app.sent), len(hands.telegram.sent)) == (1, 1)


async def test_stamps_are_evidence_and_can_not_be_edited(hands: Hands, door: Any) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    for statement in (
        "update attempts set t5 = t5 - interval '1 second'",
        "update attempts set is_held = not is_held",
        "update attempts set t4 = null",
        "update notices set deadline_at = deadline_at + interval '1 second'",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute("delete from attempts")


@pytest.mark.parametrize("before", AttemptState)
@pytest.mark.parametrize("after", AttemptState)
async def test_an_attempt_goes_only_where_its_table_lets_it(
    door: Any, before: AttemptState, after: AttemptState
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    for step in WAYS_TO[before]:
        await execute("update attempts set state = $1", str(step))
    if after is before or after in ATTEMPT_TRANSITIONS[before]:
        await execute("update attempts set state = $1", str(after))
        assert set((await states()).values()) == {after}
    else:
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute("update attempts set state = $1", str(after))


async def test_a_temporary_refusal_is_tried_again_later_and_a_permanent_one_never(
    hands: Hands, door: Any, still: StillClock
) -> None:
    hands.telegram.answers = [Refusal("502", permanent=False), Refusal("blocked", permanent=True, contact_is_dead=True)]
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    assert (await states())["telegram"] == "pending"
    assert await hands.carry() == 0
    still.advance(timedelta(milliseconds=300))
    assert await sweep.due_attempts(Lane.FIRE) == await pending()
    await hands.carry()
    (row,) = await fetch("select state, why, t5 from attempts where channel = 'telegram'")
    assert (row["state"], row["why"], row["t5"]) == ("refused", "blocked", None)
    (point,) = await fetch("select failure from contact_points where channel = 'telegram'")
    assert point["failure"] == "blocked"


async def test_a_carrier_that_says_wait_rests_as_long_as_it_asked(hands: Hands, door: Any, still: StillClock) -> None:
    hands.telegram.answers = [Refusal("429", permanent=False, retry_after=7, hold_channel=True)]
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    (row,) = await fetch("select due_at from attempts where channel = 'telegram'")
    assert row["due_at"] == clock.now() + timedelta(seconds=7)
    other = Subject(
        level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0b000200"
    )
    await door.hears(StateSaid(subject=other, state=FIRE))
    await hands.carry()
    assert len(hands.telegram.sent) == 1
    still.advance(timedelta(seconds=7))
    await hands.carry()
    assert len(hands.telegram.sent) == 3


async def test_a_carrier_that_stalls_costs_its_own_attempt_only(hands: Hands, door: Any) -> None:
    hands.telegram.gate = asyncio.Event()
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    assert await states() == {"app": "accepted", "telegram": "pending"}
    (row,) = await fetch("select why from attempts where channel = 'telegram'")
    assert sentence(row["why"], "zh_CN") == "运营方未在时限内答复"


async def test_a_dead_workers_attempts_are_taken_over_when_its_lease_runs_out(
    hands: Hands, door: Any, still: StillClock
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await execute(
        "update attempts set state = 'sending', tries = 1, lease_by = 'dead', lease_until = $1",
        clock.now() + timedelta(milliseconds=700),
    )
    assert await sweep.due_attempts(Lane.FIRE) == []
    assert await hands.carry() == 0
    still.advance(timedelta(milliseconds=701))
    assert len(await sweep.due_attempts(Lane.FIRE)) == 2
    assert await hands.carry() == 2
    assert await states() == {"app": "accepted", "telegram": "accepted"}


async def test_what_nobody_rang_for_is_found_within_700_ms(door: Any, still: StillClock) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await sweep.due_attempts(Lane.FIRE) == []
    still.advance(timedelta(milliseconds=501))
    assert len(await sweep.due_attempts(Lane.FIRE)) == 2
    assert await sweep.due_attempts(Lane.ROUTINE) == []


async def test_a_deadline_that_passed_is_marked_for_good(hands: Hands, door: Any, still: StillClock) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    still.advance(timedelta(seconds=3, milliseconds=1))
    assert await sweep.mark_breaches() == 2
    assert await sweep.mark_breaches() == 0
    await hands.carry()
    rows = await fetch("select state, is_held from attempts")
    assert [(row["state"], row["is_held"]) for row in rows] == [("accepted", False)] * 2


async def test_an_acknowledgement_redraws_what_was_sent(hands: Hands, door: Any, unit: dict[str, UUID]) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    (alarm,) = await fetch("select id from alarms")
    await acknowledge(await person(PersonId(unit["manager"])), AlarmId(alarm["id"]), Via.PHONE)
    ids = [AttemptId(row["id"]) for row in await fetch("select id from attempts where redraw_at is not null")]
    assert len(ids) == 2
    assert await hands.carrier.redraw(ids) == 2
    (edit,) = hands.telegram.edited
    assert (edit.surface, edit.card.revision) == ({"message": 1}, 1)
    assert "王经理 已确认" in edit.card.known_by[0]
    rows = await fetch("select drawn_revision, redraw_at from attempts")
    assert [(row["drawn_revision"], row["redraw_at"]) for row in rows] == [(1, None)] * 2


async def test_a_card_that_changed_while_it_was_being_sent_is_drawn_again(
    hands: Hands, door: Any, unit: dict[str, UUID]
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    hands.carrier._timeout_s = 10  # what is awaited here is the acknowledgement, however slow this machine
    hands.telegram.gate = asyncio.Event()
    sending = asyncio.create_task(hands.carry())
    while not hands.telegram.sent:
        await asyncio.sleep(0)
    (alarm,) = await fetch("select id from alarms")
    await acknowledge(await person(PersonId(unit["manager"])), AlarmId(alarm["id"]), Via.PHONE)
    hands.telegram.gate.set()
    await sending
    (row,) = await fetch("select state, drawn_revision, redraw_at from attempts where channel = 'telegram'")
    assert (row["state"], row["drawn_revision"], row["redraw_at"] is not None) == ("accepted", 0, True)


async def test_a_channel_that_is_not_configured_is_refused_with_its_reason(door: Any, still: Any) -> None:
    app = FakeChannel(Channel.APP)
    carrier = Carrier("worker-1", {Channel.APP: app}, timeout_s=PATIENCE_S, concurrency=8)
    await carrier.start()
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await carrier.carry(await pending())
    await carrier.stop()
    (row,) = await fetch("select state, why from attempts where channel = 'telegram'")
    assert (row["state"], sentence(row["why"], "zh_CN")) == ("refused", "未配置Telegram")


async def test_receipts_are_kept_and_a_phone_stamps_t6_once(hands: Hands, door: Any, unit: dict[str, UUID]) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    ids: Sequence[UUID] = [row["id"] for row in await fetch("select id from attempts where channel = 'app'")]
    manager = PersonId(unit["manager"])
    assert await received(manager, ids) == 1
    assert await received(manager, ids) == 0
    assert await received(PersonId(unit["device"]), ids) == 0
    kinds = [row["kind"] for row in await fetch("select kind from receipts order by at, kind")]
    assert sorted(kinds) == ["accepted", "accepted", "received"]


@pytest.mark.clause("4.3.3")
async def test_a_unit_with_one_kind_of_contact_has_the_duty_desk_told_too(
    hands: Hands, door: Any, add_person: Any
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian", telegram="100004")
    await execute("delete from contact_points where channel = 'telegram' and address = '100001'")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    rows = await fetch("select p.code, a.channel from attempts a join people p on p.id = a.person order by 1, 2")
    assert [(row["code"], row["channel"]) for row in rows] == [("qian", "app"), ("qian", "telegram"), ("wang", "app")]


async def a_second_worker(telegram: FakeChannel) -> Carrier:
    other = Carrier("worker-2", {Channel.TELEGRAM: telegram}, timeout_s=PATIENCE_S, concurrency=8)
    await other.start()
    return other


async def test_a_rest_that_one_worker_was_asked_for_is_kept_by_all(hands: Hands, door: Any, still: StillClock) -> None:
    hands.telegram.answers = [Refusal("429", permanent=False, retry_after=7, hold_channel=True)]
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    other = await a_second_worker(hands.telegram)
    await door.hears(StateSaid(subject=msgspec.structs.replace(SMOKE, component_address="0b000200"), state=FIRE))
    new = [
        AttemptId(row["id"]) for row in await fetch("select id from attempts where tries = 0 and channel='telegram'")
    ]
    assert await other.carry(new) == 0
    (row,) = await fetch("select state, due_at, tries, why from attempts where id = $1", new[0])
    assert (row["state"], row["due_at"] - clock.now(), row["tries"]) == ("pending", timedelta(seconds=7), 0)
    assert sentence(row["why"], "en") == "The carrier asked this way to rest"
    assert new[0] not in await sweep.due_attempts(Lane.FIRE)
    still.advance(timedelta(seconds=7))
    assert new[0] in await sweep.due_attempts(Lane.FIRE)
    assert await other.carry(new) == 1
    await other.stop()
    assert (await fetch("select state, why from attempts where id = $1", new[0]))[0]["state"] == "accepted"


async def test_cards_are_not_redrawn_while_their_channel_rests(
    hands: Hands, door: Any, unit: dict[str, UUID], still: StillClock
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    (alarm,) = await fetch("select id from alarms")
    await acknowledge(await person(PersonId(unit["manager"])), AlarmId(alarm["id"]), Via.PHONE)
    hands.telegram.answers = [Refusal("429", permanent=False, retry_after=7, hold_channel=True)]
    ids = [AttemptId(row["id"]) for row in await fetch("select id from attempts where channel = 'telegram'")]
    await hands.carrier.redraw(ids)
    other = await a_second_worker(hands.telegram)
    await execute("update attempts set redraw_at = $1 where id = any($2)", clock.now(), ids)
    assert await other.redraw(ids) == 0
    (row,) = await fetch("select redraw_at from attempts where id = any($1)", ids)
    assert row["redraw_at"] == clock.now() + timedelta(seconds=7)
    still.advance(timedelta(seconds=7))
    assert await other.redraw(ids) == 1
    await other.stop()
    assert len(hands.telegram.edited) == 2
    assert (await fetch("select redraw_at from attempts where id = any($1)", ids))[0]["redraw_at"] is None
