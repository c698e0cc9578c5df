"""Reads of work orders for pages, phones and chats: the same answers everywhere, each through the person's doors."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.clock import in_zone
from backend.core.db.engine import fetch, fetch_one
from backend.core.deadlines import ORDER_VERIFIED_WITHIN
from backend.core.i18n import translate
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.vocabulary import SEVERITY_LABELS, Severity
from backend.delivery.model import Card
from backend.evidence.model import MEDIA_LABELS
from backend.evidence.service import evidence_of
from backend.people.doors import require, units_seen
from backend.people.model import Person, Right
from backend.people.queries import names_of
from backend.work_orders.card import order_card, what_words
from backend.work_orders.model import (
    ACT_LABELS,
    STATE_LABELS,
    WAIT_LABELS,
    Act,
    Origin,
    Proof,
    State,
    WaitReason,
    WorkOrder,
    WorkOrderId,
)
from backend.work_orders.rows import COLUMNS, order_of, read_order
from backend.work_orders.rules import due_at, offered_acts, paused_for, standing
from backend.work_orders.service import ABOUT, proofs_of
from backend.work_orders.story import StoryLine, story_of
from backend.work_orders.telling import VERIFIERS, around

Which = Literal["mine", "open", "ended"]

_ENDED: Final = "('closed', 'withdrawn')"
#: of all units, what was told to the duty desk because nobody else does it
_THE_DESKS: Final = f"""($6::timestamptz is not null and (
        (o.state in ('open', 'dispatched', 'declined') and o.accept_step >= 2)
        or (o.state = 'done' and (o.done_at <= $6 or not exists (
            select from grants g join people v on v.id = g.person and v.is_active
            where g.unit = o.unit and g.role in {tuple(map(str, VERIFIERS))})))))"""
_UNASKED: Final = "($4::uuid is null or true) and ($5::uuid[] is null or true) and ($6::timestamptz is null or true)"
_WHICH: Final = {
    "mine": f"""o.state not in {_ENDED} and (o.assignee = $4 or o.opened_by = $4 or o.offered @> to_jsonb($4::text)
        or (o.state in ('done', 'open', 'declined') and o.unit = any($5)) or {_THE_DESKS})""",
    "open": f"o.state not in {_ENDED} and {_UNASKED}",
    "ended": f"o.state in {_ENDED} and {_UNASKED}",
}
_LIST: Final = """
    select {columns}, u.name as unit_name, u.timezone, p.name as assignee_name
    from work_orders o join units u on u.id = o.unit left join people p on p.id = o.assignee
    where ($1::uuid[] is null or o.unit = any($1)) and ($2::uuid is null or o.unit = $2) and {which}
    order by {order} limit $3"""
#: overdue first, then what nobody has taken, then by what is due
_URGENCY: Final = "o.overdue_at is null, o.state not in ('open', 'dispatched', 'declined'), o.due_at, o.id"
_OF_ALARM: Final = (
    f"select {COLUMNS} from work_orders o where o.origin in ('alarm', 'link') and o.about = $1 order by o.number"
)
_UNDER_WAY: Final = f"""
    select {COLUMNS} from work_orders o where o.assignee = $1
      and o.state in ('accepted', 'on_the_way', 'on_site', 'waiting', 'sent_back')
    order by o.accepted_at desc, o.id limit 12"""
_MASKS: Final = """
    select m.number, m.state, m.asked_at, m.ended_at from masks m
    where m.device = $1 and m.system_type = $2 and m.system_address = $3 and m.component_address = $4
      and m.scope = 'component' and m.started_at is not null and (m.ended_at is null or m.ended_at >= $5)
      and m.asked_at <= $6 order by m.number"""
_MASKS_OF_DEVICE: Final = """
    select m.number, m.state, m.asked_at, m.ended_at from masks m
    where m.device = $1 and m.scope = 'device' and m.started_at is not null
      and (m.ended_at is null or m.ended_at >= $2) and m.asked_at <= $3 order by m.number"""
_MAINTAINERS: Final = """
    select distinct p.id, p.name, p.code from grants g join people p on p.id = g.person and p.is_active
    where g.unit = $1 and g.role = 'maintainer' order by p.code"""
_OF_COMPLAINT: Final = f"""
    select {COLUMNS} from work_orders o
    where (o.origin = 'complaint' and o.about = $1) or o.id = $2 order by o.number"""
_MOST: Final = 300


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """A work order in a list."""

    id: WorkOrderId
    number: int
    unit: UnitId
    unit_name: str
    severity: Severity
    severity_word: str
    state: State
    state_word: str
    what: str
    where: str
    opened_at: datetime
    due_at: datetime
    is_overdue: bool
    is_paused: bool
    assignee: str
    acts: tuple[Act, ...]


class ActOffered(msgspec.Struct, frozen=True, kw_only=True):
    """A button that this reader may press now, and its words."""

    act: Act
    label: str


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an order's evidence (佐证)."""

    id: UUID
    kind: str
    kind_word: str
    media_type: str
    name: str
    sha256: str
    at: datetime
    person: str  #: who sent it


class MaskSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A mask that lay over the order's component meanwhile."""

    number: int
    is_active: bool


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """alarm → order → mask → test signal → close, as far as it goes."""

    alarm: AlarmId | None
    alarm_number: int | None
    masks: tuple[MaskSeen, ...]
    window: int | None  #: the number of the test's window
    test_signal_at: datetime | None
    closed_at: datetime | None


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a room above that an order has to do with: in words, and the way to it."""

    label: str
    words: str
    page: str  #: the page's first word: "complaints"
    verb: str  #: the key that shows it
    about: UUID


#: how rooms above say what of theirs an order has to do with, through the reader's doors
besides: Final[list[Callable[[Person, WorkOrder], Awaitable[list[Beside]]]]] = []


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """A work order with all there is to it, for one reader."""

    order: WorkOrder
    card: Card
    timezone: str
    due_at: datetime
    paused_s: int
    acts: tuple[ActOffered, ...]
    proofs: tuple[Proof, ...]
    evidence: tuple[Piece, ...]
    story: tuple[StoryLine, ...]
    chain: Chain
    beside: tuple[Beside, ...]
    is_mine: bool


class Colleague(msgspec.Struct, frozen=True, kw_only=True):
    """A maintainer to whom an order may go."""

    id: PersonId
    name: str


def _seen(person: Person) -> list[UnitId] | None:
    units = units_seen(person)
    return None if units is None else list(units)


async def orders_for(
    person: Person, which: Which = "open", *, unit: UnitId | None = None, limit: int = 100
) -> list[OrderLine]:
    """Work orders of the person's units: `mine`, all open ones, urgent first, or ended ones.

    Mine are those to do, to take, to verify, or to send somebody for; the desk's those that nobody else looks after.
    """
    order = "o.ended_at desc, o.id" if which == "ended" else _URGENCY
    query = _LIST.format(columns=COLUMNS, which=_WHICH[which], order=order)
    verifies = [each for each in person.units if person.may(Right.VERIFY, each)]
    now = clock.now()
    late = now - ORDER_VERIFIED_WITHIN if person.may(Right.VERIFY, None) else None
    rows = await fetch(query, _seen(person), unit, min(limit, _MOST), person.id, verifies, late)
    return [_line(row, order_of(row), person, now) for row in rows]


def _line(row: dict[str, Any], order: WorkOrder, person: Person, now: datetime) -> OrderLine:
    language = person.language
    return OrderLine(
        id=order.id,
        number=order.number,
        unit=order.unit,
        unit_name=row["unit_name"],
        severity=order.severity,
        severity_word=translate(SEVERITY_LABELS[order.severity], language),
        state=order.state,
        state_word=translate(STATE_LABELS[order.state], language),
        what=what_words(order, language),
        where=order.where,
        opened_at=in_zone(order.opened_at, row["timezone"]),
        due_at=in_zone(due_at(order, now), row["timezone"]),
        is_overdue=order.overdue_at is not None,
        is_paused=order.paused_since is not None,
        assignee=row["assignee_name"] or "",
        acts=_offered(order, person),
    )


def _offered(order: WorkOrder, person: Person) -> tuple[Act, ...]:
    """By the names that people ask for them: whether others stay asked, the service sees by itself."""
    found = offered_acts(order, standing(order, person), person.id)
    return tuple(Act.DECLINE if act is Act.STEP_ASIDE else act for act in found)


async def under_way_of(person: Person) -> list[WorkOrder]:
    """The orders that the person took and is at, the latest taken first."""
    rows = await fetch(_UNDER_WAY, person.id)
    return [order_of(row) for row in rows if person.may(Right.WORK, row["unit"])]


async def order_for(person: Person, order_id: UUID) -> WorkOrder:
    """The only way to an order for anything a person asked. Unknown and forbidden look the same."""
    return await read_order(person, order_id)


async def order_numbered(person: Person, number: int) -> WorkOrder:
    """An order by the number people speak of it by. Raises `NoSuchOrder`, also for one that is not theirs."""
    row = await fetch_one("select id from work_orders where number = $1", number)
    return await read_order(person, row["id"] if row else UUID(int=0))


async def order_view(person: Person, order_id: UUID) -> OrderView:
    """An order with its story, evidence, chain, and what this reader may do now. Raises `NoSuchOrder`."""
    order, now = await read_order(person, order_id), clock.now()
    words, language = await around(order), person.language
    proofs = await proofs_of(order)
    return OrderView(
        order=order,
        card=order_card(order, words, language),
        timezone=words.zone,
        due_at=in_zone(due_at(order, now), words.zone),
        paused_s=int(paused_for(order, now).total_seconds()),
        acts=tuple(ActOffered(act=act, label=translate(ACT_LABELS[act], language)) for act in _offered(order, person)),
        proofs=tuple(each for each in Proof if each in proofs),
        evidence=tuple(await _evidence(order, language, words.zone)),
        story=tuple(await story_of(order, words.zone, language)),
        chain=await _chain(order, words.zone, now),
        beside=tuple([each for look in besides for each in await look(person, order)]),
        is_mine=order.assignee == person.id,
    )


async def card_for(person: Person, order_id: UUID) -> Card:
    """An order's card in the person's language. Raises `NoSuchOrder`."""
    order = await read_order(person, order_id)
    return order_card(order, await around(order), person.language)


async def _evidence(order: WorkOrder, language: str, zone: str) -> list[Piece]:
    pieces = await evidence_of(ABOUT, order.id)
    names = await names_of(each.by for each in pieces)
    return [
        Piece(
            id=each.id,
            kind=str(each.kind),
            kind_word=translate(MEDIA_LABELS[each.kind], language),
            media_type=each.media_type,
            name=each.name,
            sha256=each.sha256,
            at=in_zone(each.at, zone),
            person=names.get(each.by, ""),
        )
        for each in pieces
    ]


async def _chain(order: WorkOrder, zone: str, now: datetime) -> Chain:
    alarm = AlarmId(order.about) if order.origin in {Origin.ALARM, Origin.LINK} and order.about else None
    alarm_row = await fetch_one("select number from alarms where id = $1", alarm) if alarm else None
    window = await fetch_one("select number from test_windows where id = $1", order.test_window)
    return Chain(
        alarm=alarm,
        alarm_number=alarm_row["number"] if alarm_row else None,
        masks=tuple(await _masks(order, now)),
        window=window["number"] if window else None,
        test_signal_at=in_zone(order.test_signal_at, zone) if order.test_signal_at else None,
        closed_at=in_zone(order.ended_at, zone) if order.state is State.CLOSED and order.ended_at else None,
    )


async def _masks(order: WorkOrder, now: datetime) -> Sequence[MaskSeen]:
    at, until = order.at, order.ended_at or now
    if at is not None:
        key = (at.device, at.system_type, at.system_address, at.component_address)
        rows = await fetch(_MASKS, *key, order.opened_at, until)
    elif order.origin is Origin.LINK:
        rows = await fetch(_MASKS_OF_DEVICE, order.device, order.opened_at, until)
    else:
        return ()
    return [MaskSeen(number=row["number"], is_active=row["state"] == "active") for row in rows]


async def orders_of_alarm(person: Person, alarm: AlarmId) -> list[WorkOrder]:
    """The orders that came from an alarm, oldest first; those the person may see."""
    return [order_of(row) for row in await fetch(_OF_ALARM, alarm) if person.may(Right.SEE, row["unit"])]


async def orders_of_complaint(complaint: UUID, about: UUID | None) -> list[WorkOrder]:
    """The orders that were opened from a complaint, and the one it is about; the room that asks has its own door."""
    return [order_of(row) for row in await fetch(_OF_COMPLAINT, complaint, about)]


async def maintainers_for(person: Person, unit: UnitId) -> list[Colleague]:
    """The unit's maintainers, to choose from. Raises `NotFound`."""
    require(person, Right.SEE, unit)
    return [Colleague(id=PersonId(row["id"]), name=row["name"]) for row in await fetch(_MAINTAINERS, unit)]


def wait_reasons(language: str) -> list[tuple[WaitReason, str]]:
    """Why work may wait, in the reader's language."""
    return [(each, translate(label, language)) for each, label in WAIT_LABELS.items()]
