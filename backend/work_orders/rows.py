"""Work orders to and from rows. Reads answer structs; rows don't leave this folder.

The rule: an order is written by compare-and-set on its state and revision, with its story in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.i18n import N_
from backend.core.ids import DeviceId, PersonId, new_id
from backend.core.vocabulary import Severity, Via
from backend.people.model import Person, Right
from backend.work_orders.model import (
    NoSuchOrder,
    OrderMovedOn,
    Origin,
    Proof,
    State,
    WaitReason,
    WireAt,
    WorkOrder,
    WorkOrderId,
)

COLUMNS: Final = """o.id, o.number, o.unit, o.origin, o.about, o.severity, o.what, o.place, o.since_at, o.opened_by,
    o.opened_at, o.agreed_at, o.agreed_by, o.needs, o.device, o.system_type, o.system_address, o.component_address,
    o.state, o.offered, o.refused_by, o.workers, o.assignee, o.asked_at, o.accept_by, o.accept_step, o.accepted_at,
    o.arrived_at, o.wait_reason, o.paused_since, o.paused_us, o.done_at, o.verified_by, o.verified_at, o.ended_at,
    o.ended_why, o.test_asked_at, o.test_until_at, o.test_window, o.test_signal_at, o.test_said, o.test_waived_by,
    o.overdue_at, o.revision, not exists (
        select from people op join grants og on og.person = op.id and (og.unit is null or og.unit = o.unit)
        where op.id = o.opened_by and op.is_active) as opener_left"""
_INSERT: Final = """
    insert into work_orders (id, unit, origin, about, severity, what, place, since_at, opened_by, opened_at, agreed_at,
        agreed_by, needs, device, system_type, system_address, component_address, state, offered, refused_by, workers,
        accept_by, paused_us, due_at, ended_why, test_said, accept_step, revision)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, $14, $15, $16, $17, $18, '[]', '[]', '[]',
        $19, 0, $11, '', '', 0, 0) returning number"""
#: what may change, in the order of `_values`
_CHANGING: Final = (
    "state",
    "offered",
    "refused_by",
    "workers",
    "assignee",
    "asked_at",
    "accept_by",
    "accept_step",
    "accepted_at",
    "arrived_at",
    "wait_reason",
    "paused_since",
    "paused_us",
    "done_at",
    "verified_by",
    "verified_at",
    "ended_at",
    "ended_why",
    "test_asked_at",
    "test_until_at",
    "test_window",
    "test_signal_at",
    "test_said",
    "test_waived_by",
    "overdue_at",
    "revision",
)
_LISTS: Final = frozenset({"offered", "refused_by", "workers"})
_SET: Final = ", ".join(
    f"{name} = ${n}{'::jsonb' if name in _LISTS else ''}" for n, name in enumerate(_CHANGING, start=5)
)
_PUT: Final = f"""
    update work_orders set due_at = $4, {_SET} where id = $1 and state = $2 and revision = $3 returning id"""
_ENTRY: Final = """
    insert into work_order_entries (id, work_order, at, kind, person, via, facts)
    values ($1, $2, $3, $4, $5, $6, $7::jsonb)"""
_decode_people = msgspec.json.Decoder(tuple[PersonId, ...]).decode
_decode_needs = msgspec.json.Decoder(tuple[Proof, ...]).decode
_encode = msgspec.json.Encoder().encode


class Entry(NamedTuple):
    """One line of an order's story that is to be written."""

    kind: str
    facts: dict[str, Any]
    person: PersonId | None = None
    via: Via | None = None
    key: UUID | None = None  #: its id, where whoever sends it may send it twice


def order_of(row: Mapping[str, Any]) -> WorkOrder:
    """A row as a struct."""
    values = {name: row[name] for name in WorkOrder.__struct_fields__ if name in row}
    return WorkOrder(
        **values
        | {
            "where": row["place"],
            "origin": Origin(row["origin"]),
            "severity": Severity(row["severity"]),
            "state": State(row["state"]),
            "needs": _decode_needs(row["needs"]),
            "offered": _decode_people(row["offered"]),
            "refused_by": _decode_people(row["refused_by"]),
            "workers": _decode_people(row["workers"]),
            "wait_reason": WaitReason(row["wait_reason"]) if row["wait_reason"] else None,
            "at": _at(row),
        }
    )


def _at(row: Mapping[str, Any]) -> WireAt | None:
    if row["component_address"] is None:
        return None
    return WireAt(
        device=DeviceId(row["device"]),
        system_type=row["system_type"],
        system_address=row["system_address"],
        component_address=row["component_address"],
    )


async def insert_order(order: WorkOrder) -> WorkOrder:
    """Write a new order, in the caller's transaction; answers it with its number."""
    at = order.at
    row = await fetch_one(
        _INSERT,
        order.id,
        order.unit,
        str(order.origin),
        order.about,
        str(order.severity),
        order.what,
        order.where,
        order.since_at,
        order.opened_by,
        order.opened_at,
        order.agreed_at,
        order.agreed_by,
        _encode(order.needs).decode(),
        order.device,
        at.system_type if at else None,
        at.system_address if at else None,
        at.component_address if at else None,
        str(order.state),
        order.accept_by,
    )
    assert row is not None
    return msgspec.structs.replace(order, number=row["number"])


async def put_order(before: WorkOrder, after: WorkOrder) -> None:
    """Write an order's next state by compare-and-set on (state, revision). Raises `OrderMovedOn`."""
    values = [_value(name, getattr(after, name)) for name in _CHANGING]
    due = after.agreed_at + after.paused
    if not await fetch(_PUT, after.id, str(before.state), before.revision, due, *values):
        raise OrderMovedOn(N_("工单状态已改变，请刷新后重试"))


def _value(name: str, value: Any) -> Any:
    if name in _LISTS:
        return _encode(value).decode()
    return str(value) if name in {"state", "wait_reason"} and value is not None else value


async def locked_order(person: Person, order_id: UUID) -> WorkOrder:
    """An order of the person's units, locked. Raises `NoSuchOrder`: unknown and forbidden look the same."""
    row = await fetch_one(f"select {COLUMNS} from work_orders o where o.id = $1 for no key update", order_id)
    if row is None or not person.may(Right.SEE, row["unit"]):
        raise NoSuchOrder(N_("没有这张工单"))
    return order_of(row)


async def read_order(person: Person, order_id: UUID) -> WorkOrder:
    """The same without a lock."""
    row = await fetch_one(f"select {COLUMNS} from work_orders o where o.id = $1", order_id)
    if row is None or not person.may(Right.SEE, row["unit"]):
        raise NoSuchOrder(N_("没有这张工单"))
    return order_of(row)


async def is_written(order: WorkOrderId, key: UUID | None) -> bool:
    """Whether a line with this key stands in the order's story already. Raises `NoSuchOrder` for another order's."""
    row = await fetch_one("select work_order from work_order_entries where id = $1", key) if key else None
    if row is not None and row["work_order"] != order:
        raise NoSuchOrder(N_("没有这张工单"))
    return row is not None


async def write_entries(order: WorkOrderId, at: datetime, entries: Sequence[Entry]) -> None:
    """Add lines to an order's story, in the caller's transaction."""
    for entry in entries:
        facts = _encode(entry.facts).decode()
        via = str(entry.via) if entry.via else None
        await execute(_ENTRY, entry.key or new_id(), order, at, entry.kind, entry.person, via, facts)
