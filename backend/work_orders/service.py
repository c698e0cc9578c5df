"""What people do with a work order: every act of `model.WAYS`, evidence, parts, notes. One transaction each.

The rule: the order is locked first; a second tap of the same person finds it done; of two who accept at once one wins,
and the other is told who.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.model import Mask
from backend.alarms.masks.releasing import Released
from backend.alarms.masks.releasing import tell as ring
from backend.alarms.masks.service import lift_over_device, lift_repaired, record_lifted
from backend.core import clock
from backend.core.db.engine import fetch_one, transaction
from backend.core.deadlines import ACCEPT_WITHIN
from backend.core.errors import BadInput, NotAllowed
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId
from backend.core.vocabulary import Via
from backend.evidence.model import EvidenceId, MediaKind, ledger_facts
from backend.evidence.service import bind, evidence_of
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.work_orders.acting import Done, facts_of, settle, to_ledger
from backend.work_orders.dispatching import check_can_work, on_duty
from backend.work_orders.model import (
    UNTAKEN,
    Act,
    AlreadyTaken,
    Asked,
    Incomplete,
    Need,
    OrderMovedOn,
    Origin,
    Part,
    Proof,
    State,
    WaitReason,
    Who,
    WorkOrder,
)
from backend.work_orders.opening import checked, clean
from backend.work_orders.rows import Entry, is_written, locked_order, write_entries
from backend.work_orders.rules import declining, moved, standing, the_way
from backend.work_orders.telling import VERIFIERS, people_with, redraw, tell, tell_desk
from backend.work_orders.testing import end_test, expect, record_window, take_signal

ABOUT: Final = "work_order"
_NAME: Final = "select name from people where id = $1"
#: when this work began: it was taken, or sent back since
_BEGAN: Final = "select max(at) as at from work_order_entries where work_order = $1 and kind = 'send_back'"
_LOCATED: Final = """
    select 1 from work_order_entries
    where work_order = $1 and kind = 'location' and at >= $2 and person = $3 limit 1"""
_MOST_PARTS: Final = 999
_LAST: Final = """
    select kind, person, facts from work_order_entries where work_order = $1 order by at desc, id desc limit 1"""
_DECLINES: Final = frozenset({Act.DECLINE, Act.STEP_ASIDE})
#: acts of which a second tap is known by the story alone
_TAPPED: Final = _DECLINES | {Act.DISPATCH, Act.WAIT, Act.RESUME, Act.WAIVE_TEST, Act.SEND_BACK}


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody says they are; degrees, WGS 84."""

    latitude: float
    longitude: float
    accuracy_m: float | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person gives with an act; `revision` is what they saw, where their surface knows it.

    `key`: chosen by a sender who may send it twice; whatever became of the order meanwhile, it is done once.
    """

    reason: str = ""
    wait_reason: WaitReason | None = None
    to: tuple[PersonId, ...] = ()
    note: str = ""
    where: Where | None = None
    revision: int | None = None
    key: UUID | None = None


SILENT: Final = Said()
NOBODY_TO_SEND: Final = N_("没有可派的维保人员")
#: the acts a person may ask for by name; the others are chosen by the service
PERSONS_ACTS: Final = frozenset(set(Act) - {Act.STEP_ASIDE})


#: the clock stands still until the unit does something: its people must know that
_WAITS_FOR_THE_UNIT: Final = frozenset({WaitReason.UNIT, WaitReason.SHUTDOWN})
#: whoever was testing is done with it: what the component says from now on is told like anything else
_TESTS_NO_MORE: Final = frozenset({Act.VERIFY, Act.REASSIGN, Act.WITHDRAW})


async def perform(person: Person, order_id: UUID, act: Act, via: Via, said: Said = SILENT) -> WorkOrder:
    """One act on a work order (工单操作), by the table. A second tap of the same person changes nothing.

    Raises `NoSuchOrder`, `NotAllowed`, `OrderMovedOn`, `AlreadyTaken`, `Incomplete`, `BadInput`.
    """
    checked(said.reason)
    checked(said.note)
    released = Released()
    async with transaction():
        now = clock.now()
        order = await locked_order(person, order_id)
        if await is_written(order.id, said.key) or _is_second_tap(order, act, person, now):
            return order
        if await _was_just_done(order, act, person, said):
            return order
        if said.revision is not None and said.revision != order.revision:
            raise OrderMovedOn(N_("工单状态已改变，请刷新后重试"))
        order = await _perform(person, order, act, via, said, now, released)
    await ring(released)
    return order


def _is_second_tap(order: WorkOrder, act: Act, person: Person, now: datetime) -> bool:
    """Whether this very person's very act is what brought the order where it stands."""
    mine = order.assignee == person.id
    is_awaited = order.test_until_at is not None and order.test_until_at > now
    return {
        Act.ACCEPT: mine and order.state not in UNTAKEN,
        Act.SET_OUT: mine and order.state is State.ON_THE_WAY,
        Act.ARRIVE: mine and order.state is State.ON_SITE,
        Act.EXPECT_TEST: mine and order.state is State.ON_SITE and (is_awaited or order.test_signal_at is not None),
        Act.FINISH: mine and order.state is State.DONE,
        Act.VERIFY: order.state is State.VERIFIED and order.verified_by == person.id,
        Act.CLOSE: order.state is State.CLOSED and Who.VERIFIER in standing(order, person),
        Act.WITHDRAW: order.state is State.WITHDRAWN and Who.OPENER in standing(order, person),
    }.get(act, False)


async def _was_just_done(order: WorkOrder, act: Act, person: Person, said: Said) -> bool:
    """Whether the very last thing that happened to the order is this, by this person, in these words."""
    if act not in _TAPPED or (said.to and set(said.to) != set(order.offered)):
        return False
    last = await fetch_one(_LAST, order.id)
    kinds = _DECLINES if act in _DECLINES else {act}
    return (
        last is not None
        and last["person"] == person.id
        and last["kind"] in kinds
        and msgspec.json.decode(last["facts"]) == _facts(said, order)
    )


async def _perform(  # noqa: PLR0917 - an act's parts
    person: Person, order: WorkOrder, act: Act, via: Via, said: Said, now: datetime, released: Released
) -> WorkOrder:
    who = standing(order, person)
    act = declining(order, person.id) if act in {Act.DECLINE, Act.STEP_ASIDE} else act
    await _check_taken(order, act, person)
    the_way(order, act, who)
    heard: Done | None = None
    before = order
    if act in {Act.FINISH, Act.EXPECT_TEST} and order.test_asked_at is not None:
        order, heard = await take_signal(order, now, released)
    if act is Act.EXPECT_TEST and heard is not None:  # it had spoken already: nothing to wait for anew
        await to_ledger(before, order, heard)
        return order
    asked = await _asked(order, act, said, person, now)
    after = moved(order, act, who, person.id, now, asked)
    window: dict[str, Any] | None = None
    if act is Act.EXPECT_TEST:
        if after.at is None:
            raise BadInput(N_("该工单不涉及部件，无须触发测试"))
        after, window = await expect(person, after, now, released)
    # alarms are locked before their stories are written to, as every other writer of alarms does
    lifted: list[Mask] = []
    if act is Act.VERIFY:
        lifted = await _lift(person, after, released)
    if act in _TESTS_NO_MORE:
        window = await end_test(person, after, released)
    done = Done(kind=str(act), facts=_facts(said, after), person=person, via=via, key=said.key)
    order = await settle(order, after, done, now, released)
    if said.where is not None:
        await write_entries(order.id, now, [_location(said.where, person, via)])
    await _tell_who_must_act(before, order, act, person, now, released)
    if heard is not None:
        await to_ledger(before, order, heard)
    await record_window(person, window, via)
    await record_lifted(person, lifted, via)
    await to_ledger(before, order, done)
    return order


async def _check_taken(order: WorkOrder, act: Act, person: Person) -> None:
    """Who comes second hears who was first."""
    if act is Act.ACCEPT and order.assignee not in {None, person.id} and person.may(Right.WORK, order.unit):
        row = await fetch_one(_NAME, order.assignee)
        raise AlreadyTaken(translate(N_("已由{name}接单"), person.language, name=row["name"] if row else ""))


async def _asked(order: WorkOrder, act: Act, said: Said, person: Person, now: datetime) -> Asked:
    to = tuple(said.to)
    if act is Act.DISPATCH and not to:
        to = tuple(await on_duty(order.unit, now))
    if act is Act.REASSIGN and not to:
        others = [each for each in await on_duty(order.unit, now) if each not in {order.assignee, person.id}]
        to = tuple(others)
    if act in {Act.DISPATCH, Act.REASSIGN} and not to:
        raise Incomplete(NOBODY_TO_SEND, missing=[str(Need.TO)])
    if to:
        await check_can_work(order.unit, to)
    return Asked(
        reason=clean(said.reason),
        wait_reason=said.wait_reason,
        to=to,
        had=await proofs_of(order) if act is Act.FINISH else frozenset(),
        accept_within=ACCEPT_WITHIN[order.severity],
    )


async def proofs_of(order: WorkOrder) -> frozenset[Proof]:
    """The kinds of evidence of this very work: by who works on it, since it was taken or sent back.

    What the reporter sent shows the fault, and what was sent back was not proved.
    """
    if order.accepted_at is None or order.assignee is None:
        return frozenset()
    row = await fetch_one(_BEGAN, order.id)
    began = max(order.accepted_at, row["at"]) if row and row["at"] else order.accepted_at
    pieces = await evidence_of(ABOUT, order.id)
    kinds = {each.kind for each in pieces if each.by == order.assignee and each.at >= began}
    found = {proof for proof, kind in ((Proof.PHOTO, MediaKind.PHOTO), (Proof.VOICE, MediaKind.VOICE)) if kind in kinds}
    if await fetch_one(_LOCATED, order.id, began, order.assignee) is not None:
        found.add(Proof.LOCATION)
    return frozenset(found)


def _facts(said: Said, order: WorkOrder) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if said.reason:
        facts["reason"] = clean(said.reason)
    if said.wait_reason is not None:
        facts["wait_reason"] = str(said.wait_reason)
    if said.note:
        facts["note"] = clean(said.note)
    if order.offered and order.state is State.DISPATCHED:
        facts["to"] = [str(each) for each in order.offered]
    return facts


def _location(where: Where, person: Person, via: Via) -> Entry:
    return Entry("location", msgspec.to_builtins(where), person.id, via)


async def _lift(person: Person, order: WorkOrder, released: Released) -> list[Mask]:
    """Verified: the masks over its component, or over a device that was silent, go; what stands behind them is told."""
    why = f"工单 #{order.number} 已验收"
    if order.at is not None:
        key = (order.at.device, order.at.system_type, order.at.system_address, order.at.component_address)
        return await lift_repaired(person, key, why, released)
    if order.origin is Origin.LINK and order.device is not None:
        return await lift_over_device(person, order.device, why, released)
    return []


async def _tell_who_must_act(  # noqa: PLR0917 - an act's parts
    before: WorkOrder, order: WorkOrder, act: Act, person: Person, now: datetime, released: Released
) -> None:
    """The next one to act hears of it; everybody else sees it on the card they have."""
    if act in {Act.DISPATCH, Act.REASSIGN, Act.ASK_MORE}:
        # who had it must not go on working for nothing
        had = {before.assignee} if before.assignee is not None and act is Act.REASSIGN else set()
        await tell(order, {*order.offered, *had} - {person.id}, now, released)
    elif act is Act.FINISH:
        people = await people_with(order.unit, VERIFIERS) - set(order.workers)
        await tell(order, people, now, released)
        if not people:
            await tell_desk(order, now, released)
    elif act is Act.WAIT and order.wait_reason in _WAITS_FOR_THE_UNIT:
        await tell(order, await people_with(order.unit, VERIFIERS) - {person.id}, now, released)
    elif act in {Act.SEND_BACK, Act.WAIVE_TEST} and order.assignee is not None:
        await tell(order, {order.assignee}, now, released)
    elif act is Act.DECLINE:
        await tell(order, await people_with(order.unit, VERIFIERS), now, released)
    elif act is Act.WITHDRAW:
        await tell(order, ({order.assignee} if order.assignee else set(order.offered)) - {person.id}, now, released)


async def _note_down(  # noqa: PLR0917 - a line's parts
    person: Person,
    order_id: UUID,
    via: Via,
    kind: str,
    facts: dict[str, Any],
    key: UUID | None,
    *,
    by: frozenset[Who] | None,
) -> WorkOrder:
    """A line of the story that moves nothing, once for each `key`. `by`: who may; None: whoever may open orders."""
    released = Released()
    async with transaction():
        order = await locked_order(person, order_id)
        if await is_written(order.id, key):
            return order
        _check_may_add(order, person, by)
        await write_entries(order.id, clock.now(), [Entry(kind, facts, person.id, via, key)])
        await redraw(order, released)
        await record_action(person.code, f"order.{kind}", {**facts_of(order), **facts, "via": str(via)})
    await ring(released)
    return order


def _check_may_add(order: WorkOrder, person: Person, by: frozenset[Who] | None) -> None:
    if order.is_final:
        raise OrderMovedOn(N_("工单已结束，不能再补充"))
    if by is None:
        require(person, Right.ORDER, order.unit)
    elif not by & standing(order, person):
        raise NotAllowed(N_("您没有进行此操作的权限"))


#: who adds to an order's proof
_WORKERS: Final = frozenset({Who.ASSIGNEE})


async def add_evidence(person: Person, order_id: UUID, pieces: Iterable[EvidenceId], via: Via) -> WorkOrder:
    """补充佐证: photos and voice notes that this person sent are the order's from now on.

    Raises `NoSuchOrder`, `NotAllowed`, `OrderMovedOn`, `NotFound` for another's piece, `Conflict` for a used one.
    """
    released = Released()
    async with transaction():
        order = await locked_order(person, order_id)
        wanted = list(dict.fromkeys(pieces))
        if wanted and set(wanted) <= {each.id for each in await evidence_of(ABOUT, order.id) if each.by == person.id}:
            return order  # sent twice
        _check_may_add(order, person, None)
        bound = await bind(wanted, ABOUT, order.id, person.id)
        facts = {"evidence": ledger_facts(bound)}
        now = clock.now()
        await write_entries(order.id, now, [Entry("evidence", facts, person.id, via)])
        await redraw(order, released)
        await record_action(person.code, "order.evidence", {**facts_of(order), **facts, "via": str(via)})
    await ring(released)
    return order


async def add_location(person: Person, order_id: UUID, where: Where, via: Via) -> WorkOrder:
    """到场位置: where the maintainer says they are; evidence, never a gate. Raises as `add_parts`."""
    if not (-90 <= where.latitude <= 90 and -180 <= where.longitude <= 180):
        raise BadInput(N_("位置不正确"))
    return await _note_down(person, order_id, via, "location", msgspec.to_builtins(where), None, by=_WORKERS)


async def add_parts(
    person: Person, order_id: UUID, parts: Sequence[Part], via: Via, key: UUID | None = None
) -> WorkOrder:
    """更换配件: what was used; `key`: of a sender who may send it twice.

    Raises `NoSuchOrder`, `NotAllowed`, `OrderMovedOn`, `BadInput`.
    """
    named = [(clean(each.name), each.quantity) for each in parts]
    if not named or any(not name or not 0 < quantity <= _MOST_PARTS for name, quantity in named):
        raise BadInput(N_("请填写配件名称和数量"))
    facts = {"parts": [{"name": name, "quantity": quantity} for name, quantity in named]}
    return await _note_down(person, order_id, via, "parts", facts, key, by=_WORKERS)


async def add_note(person: Person, order_id: UUID, words: str, via: Via, key: UUID | None = None) -> WorkOrder:
    """备注: a line of the order's story, by anybody who may open orders there; `key`: as in `add_parts`."""
    if not (text := checked(words)):
        raise BadInput(N_("请填写内容"))
    return await _note_down(person, order_id, via, "note", {"note": text}, key, by=None)
