"""What travels when a work order is opened or acted on over HTTP, whichever edge it comes by: bodies and answers."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from backend.core.errors import BadInput
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, DeviceId, PersonId, UnitId, id_by
from backend.core.vocabulary import Severity, Via
from backend.evidence.model import MediaKind
from backend.evidence.service import keep_piece
from backend.people.model import Person
from backend.work_orders.model import STATE_LABELS, Act, Origin, Part, Proof, WaitReason, WireAt, WorkOrder
from backend.work_orders.opening import Opening, open_from_alarm, open_order
from backend.work_orders.service import (
    PERSONS_ACTS,
    Said,
    Where,
    add_evidence,
    add_location,
    add_note,
    add_parts,
    perform,
)

Words = Annotated[str, Meta(max_length=500)]
Octet = Annotated[int, Meta(ge=0, le=255)]
_MOST_PEOPLE: Final = 20
_MOST_PARTS: Final = 50


class _In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class WireAtIn(_In, frozen=True, kw_only=True):
    """A component by its wire key."""

    device: UUID
    system_type: Octet
    system_address: Octet
    component_address: Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]


class OrderIn(_In, frozen=True, kw_only=True):
    """An order opened from an alarm (`alarm`), or by hand or upon an inspection (`unit` and `what`).

    `key`: chosen by a caller who may ask twice; asked again by the same person, the order is found.
    """

    key: UUID | None = None
    alarm: UUID | None = None
    origin: Literal["hand", "inspection"] = "hand"
    unit: UUID | None = None
    what: Words = ""
    where: Words = ""
    severity: Severity = Severity.FAULT
    since_at: datetime | None = None
    needs: Annotated[tuple[Proof, ...], Meta(max_length=3)] = (Proof.PHOTO,)
    device: UUID | None = None
    component: WireAtIn | None = None
    to: Annotated[tuple[UUID, ...], Meta(max_length=_MOST_PEOPLE)] = ()


class WhereIn(_In, frozen=True, kw_only=True):
    """Where somebody is; degrees, WGS 84."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, Meta(ge=0)] | None = None


class ActIn(_In, frozen=True, kw_only=True):
    """An act, and as much as it requires. `revision`: what the caller saw; an order that moved on refuses it.

    `key`: chosen by a sender who may send it twice; the second time it is found done, whatever happened since.
    """

    key: UUID | None = None
    act: Act
    reason: Words = ""
    wait_reason: WaitReason | None = None
    to: Annotated[tuple[UUID, ...], Meta(max_length=_MOST_PEOPLE)] = ()
    note: Words = ""
    where: WhereIn | None = None
    revision: int | None = None


class PartIn(_In, frozen=True, kw_only=True):
    """A part that was used."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    quantity: Annotated[int, Meta(ge=1, le=999)] = 1


class PartsIn(_In, frozen=True, kw_only=True):
    """Parts that were used; `key`: chosen by a sender who may send them twice."""

    key: UUID | None = None
    parts: Annotated[tuple[PartIn, ...], Meta(min_length=1, max_length=_MOST_PARTS)]


class NoteIn(_In, frozen=True, kw_only=True):
    """A line for the story; `key`: chosen by a sender who may send it twice."""

    key: UUID | None = None
    note: Annotated[str, Meta(min_length=1, max_length=500)]


class OrderDone(msgspec.Struct, frozen=True, kw_only=True):
    """How the order stands now, and a sentence to show."""

    id: UUID
    number: int
    state: str
    revision: int
    sentence: str


def done(order: WorkOrder, language: str, words: str = N_("工单 {number}：{state}")) -> OrderDone:
    """An order's answer."""
    state = translate(STATE_LABELS[order.state], language)
    sentence = translate(words, language, number=order.number, state=state)
    return OrderDone(
        id=order.id, number=order.number, state=str(order.state), revision=order.revision, sentence=sentence
    )


async def open_by(person: Person, data: OrderIn, via: Via) -> OrderDone:
    """`opening.open_from_alarm` or `opening.open_order` with a body's words."""
    if data.alarm is not None:
        order, is_new = await open_from_alarm(person, AlarmId(data.alarm), via, data.what)
        words = N_("已报修，工单 {number}：{state}") if is_new else N_("该报警已有工单 {number}：{state}")
        return done(order, person.language, words)
    if data.unit is None:
        raise BadInput(N_("请选择联网单位"))
    opening = Opening(
        id=id_by(person.id, data.key),
        unit=UnitId(data.unit),
        what=data.what,
        where=data.where,
        origin=Origin(data.origin),
        severity=data.severity,
        since_at=_aware(data.since_at),
        needs=tuple(dict.fromkeys(data.needs)),
        device=DeviceId(data.device) if data.device else None,
        at=_at(data.component),
        to=tuple(PersonId(each) for each in data.to),
    )
    return done(await open_order(person, opening, via), person.language, N_("已报修，工单 {number}：{state}"))


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise BadInput(N_("时间须带时区"))
    return moment


def _at(component: WireAtIn | None) -> WireAt | None:
    if component is None:
        return None
    return WireAt(
        device=DeviceId(component.device),
        system_type=component.system_type,
        system_address=component.system_address,
        component_address=component.component_address,
    )


async def act_by(person: Person, order_id: UUID, data: ActIn, via: Via) -> OrderDone:
    """`service.perform` with a body's words."""
    if data.act not in PERSONS_ACTS:
        raise BadInput(N_("没有此操作"))
    where = Where(**msgspec.structs.asdict(data.where)) if data.where else None
    said = Said(
        reason=data.reason,
        wait_reason=data.wait_reason,
        to=tuple(PersonId(each) for each in data.to),
        note=data.note,
        where=where,
        revision=data.revision,
        key=id_by(person.id, data.key),
    )
    order = await perform(person, order_id, data.act, via, said)
    if data.act is Act.EXPECT_TEST and order.test_signal_at is None:
        return done(order, person.language, N_("请触发测试，等待信号…收到后将通知您。"))
    return done(order, person.language)


async def keep_by(  # noqa: PLR0917 - a file and its way
    person: Person, order_id: UUID, name: str, octets: bytes, via: Via, key: UUID | None = None
) -> OrderDone:
    """A file that came by HTTP becomes the order's evidence, once for each `key`: what it is, its octets say."""
    piece = await keep_piece(person, MediaKind.DOCUMENT, name, octets, id=id_by(person.id, key))
    order = await add_evidence(person, order_id, [piece.id], via)
    return done(order, person.language, N_("已收到佐证，工单 {number}：{state}"))


async def locate_by(person: Person, order_id: UUID, data: WhereIn, via: Via) -> OrderDone:
    """`service.add_location` with a body's figures."""
    order = await add_location(person, order_id, Where(**msgspec.structs.asdict(data)), via)
    return done(order, person.language, N_("已记录位置，工单 {number}：{state}"))


async def parts_by(person: Person, order_id: UUID, data: PartsIn, via: Via) -> OrderDone:
    """`service.add_parts` with a body's words."""
    parts = [Part(name=each.name, quantity=each.quantity) for each in data.parts]
    order = await add_parts(person, order_id, parts, via, id_by(person.id, data.key))
    return done(order, person.language, N_("已记录配件，工单 {number}：{state}"))


async def note_by(person: Person, order_id: UUID, data: NoteIn, via: Via) -> OrderDone:
    """`service.add_note` with a body's words."""
    return done(await add_note(person, order_id, data.note, via, id_by(person.id, data.key)), person.language)
