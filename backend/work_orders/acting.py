"""What every act on a work order has in common: the row, the story, the alarm's story, the cards, the ledger last.

The rule: one transaction an act; the order is locked first, written by compare-and-set; the ledger comes last.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms import rows as alarm_rows
from backend.alarms.masks.releasing import Released
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Via
from backend.delivery import breaches
from backend.delivery.breach_model import BreachKind, Cause, CauseCode, Finding
from backend.ledger.service import record_action
from backend.people.model import Person
from backend.work_orders.model import Act, Origin, WorkOrder
from backend.work_orders.rows import Entry, put_order, write_entries
from backend.work_orders.rules import due_at, is_overdue
from backend.work_orders.telling import MANAGERS, people_with, redraw, tell, tell_desk

ACTOR: Final = "work_orders"
#: what the alarm's own story says of its order
_ON_THE_ALARM: Final = frozenset(
    {
        "opened",
        "test_signal",
        *map(str, (Act.ACCEPT, Act.EXPECT_TEST, Act.FINISH, Act.VERIFY, Act.SEND_BACK, Act.CLOSE, Act.WITHDRAW)),
    }
)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to an order, by what way, and with which words: as the story and the ledger keep it."""

    kind: str
    facts: Mapping[str, Any] = {}
    person: Person | None = None  #: None: the service
    via: Via | None = None
    key: UUID | None = None  #: of a sender who may send it twice

    @property
    def by(self) -> PersonId | None:
        """The person's id."""
        return self.person.id if self.person else None


async def settle(before: WorkOrder, after: WorkOrder, done: Done, now: datetime, released: Released) -> WorkOrder:
    """Write what an act made of an order: row, lines, cards; not yet the ledger. Answers the order as written."""
    overdue = after.overdue_at is None and is_overdue(after, now)
    if overdue:
        after = msgspec.structs.replace(after, overdue_at=now)
    await put_order(before, after)
    await note(after, done, now)
    if overdue:
        await _note_overdue(after, now, released)
    await redraw(after, released)
    return after


async def note(order: WorkOrder, done: Done, now: datetime) -> None:
    """One line of the order's story, and of its alarm's where that is what the order came from."""
    await write_entries(order.id, now, [Entry(done.kind, dict(done.facts), done.by, done.via, done.key)])
    if done.kind in _ON_THE_ALARM and order.about is not None and order.origin in {Origin.ALARM, Origin.LINK}:
        line = alarm_rows.NewEntry(
            AlarmId(order.about), now, f"order_{done.kind}", {"note": f"#{order.number}"}, done.by, done.via
        )
        await alarm_rows.write_entries([line])


async def _note_overdue(order: WorkOrder, now: datetime, released: Released) -> None:
    """Beyond the agreed finish: the story says so, and managers, the duty desk and who works on it are told."""
    await write_entries(order.id, now, [Entry("overdue", {"due": due_at(order, now).isoformat()})])
    people = await people_with(order.unit, MANAGERS)
    await tell(order, people | ({order.assignee} if order.assignee else set()), now, released)
    await tell_desk(order, now, released)


async def to_ledger(before: WorkOrder, order: WorkOrder, done: Done) -> None:
    """The act in the ledger, and the breach that came of it: last in the transaction, for it takes the chain's head."""
    found: list[Finding] = []
    if order.overdue_at is not None and before.overdue_at is None:
        found.append(_finding(order, BreachKind.ORDER_OVERDUE, CauseCode.NOT_FINISHED, due_at(order, order.overdue_at)))
    if order.accept_step >= 2 > before.accept_step and before.accept_by is not None:
        found.append(_finding(order, BreachKind.ORDER_UNACCEPTED, CauseCode.NOT_ACCEPTED, before.accept_by))
    written = await breaches.record(found)
    actor = done.person.code if done.person else ACTOR
    await record_action(actor, f"order.{done.kind}", {**facts_of(order), **done.facts, "via": str(done.via or "")})
    if written:
        await breaches.to_ledger(written, [])


def _finding(order: WorkOrder, kind: BreachKind, code: CauseCode, due: datetime) -> Finding:
    return Finding(
        kind=kind,
        clause=None,
        alarm=order.id,
        severity=order.severity,
        unit=order.unit,
        due_at=due,
        cause=Cause(code=code, facts={"order": order.number}),
    )


def facts_of(order: WorkOrder) -> dict[str, Any]:
    """An order as the ledger keeps it."""
    return {
        "order": str(order.id),
        "number": order.number,
        "unit": str(order.unit),
        "state": str(order.state),
        "revision": order.revision,
        "about": str(order.about) if order.about else None,
        "assignee": str(order.assignee) if order.assignee else None,
    }
