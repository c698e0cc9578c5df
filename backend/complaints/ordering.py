"""A complaint and its work orders (投诉 ↔ 工单): who handles it opens one; whoever reads the order learns of it.

The rule: the handler's door is the complaint, and the right is one of its own; by neither do they see the unit. One
live order for each complaint: whoever asks again is led to it.
"""

from typing import Final
from uuid import UUID

from backend.alarms.masks.releasing import Released, tell
from backend.complaints.acts import cleaned, facts_of, must_handle
from backend.complaints.model import OPEN_STATES, STATE_LABELS, Complaint, ComplaintMovedOn
from backend.complaints.queries import orders_of
from backend.complaints.rows import COLUMNS, TABLES, Entry, EntryKind, complaint_for, complaint_of, write_entries
from backend.complaints.rules import may_see
from backend.core import clock
from backend.core.db.engine import fetch, fetch_one, transaction
from backend.core.errors import NotAllowed
from backend.core.i18n import N_, translate
from backend.core.live import COMPLAINT, Hint
from backend.core.vocabulary import COMPLAINT_LABELS, ComplaintKind, Via
from backend.ledger.service import record_action
from backend.people.model import Person, Right
from backend.work_orders.model import LONGEST_WORDS, Origin, WorkOrder
from backend.work_orders.opening import Opening, open_within
from backend.work_orders.queries import Beside, besides

_UNIT: Final = "select name from units where id = $1"
_OF_ORDER: Final = f"""
    select {COLUMNS} from {TABLES} where c.id = $1 or (c.kind = 'order' and c.about = $2) order by c.filed_at"""


async def open_order(person: Person, complaint_id: UUID, what: str, via: Via) -> tuple[WorkOrder, bool]:
    """开工单: an order of the complaint's unit, offered to whoever is on duty; and whether it is new.

    Raises `NoSuchComplaint`, `NotAllowed`, `BadInput`, `ComplaintMovedOn`.
    """
    words = cleaned(what, lacks=N_("请写明报修内容"), most=LONGEST_WORDS)
    released = Released()
    async with transaction():
        complaint = await complaint_for(person, complaint_id, lock=True)
        must_order(person, complaint)
        for order in await orders_of(complaint):
            if order.origin is Origin.COMPLAINT and not order.is_final:
                return order, False
        opening = Opening(
            unit=complaint.unit,
            what=words,
            where=await _where(complaint),
            origin=Origin.COMPLAINT,
            about=complaint.id,
        )
        order = await open_within(opening, person, via, released)
        facts: dict[str, str | int | None] = {"order": order.number, "order_id": str(order.id)}
        entry = Entry(kind=EntryKind.ORDERED, at=clock.now(), person=person.id, via=via, text=words, facts=facts)
        await write_entries(complaint, [entry])
        released.hints.append(Hint(unit=str(complaint.unit), about=COMPLAINT))
        await record_action(person.code, "complaint.ordered", facts_of(complaint, entry, via) | facts)
    await tell(released)
    return order, True


def must_order(person: Person, complaint: Complaint) -> None:
    """Raises `NotAllowed`; `ComplaintMovedOn` for one that is over."""
    must_handle(person, complaint)
    if not person.may(Right.ORDER_COMPLAINED, complaint.unit):
        raise NotAllowed(N_("您没有进行此操作的权限"))
    if complaint.state not in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉已办结"))


async def _where(complaint: Complaint) -> str:
    """What it is about, where that is a thing; else the unit."""
    if complaint.kind in {ComplaintKind.ALARM, ComplaintKind.ORDER} and complaint.about_words:
        return complaint.about_words
    row = await fetch_one(_UNIT, complaint.unit)
    return str(row["name"]) if row else ""


async def complaints_beside(person: Person, order: WorkOrder) -> list[Beside]:
    """The complaint that an order came from, and those about it; as far as the reader may see them."""
    from_here = order.about if order.origin is Origin.COMPLAINT else None
    found = [complaint_of(row) for row in await fetch(_OF_ORDER, from_here, order.id)]
    return [_beside(each, person.language) for each in found if may_see(person, each)]


def _beside(complaint: Complaint, language: str) -> Beside:
    return Beside(
        label=translate(COMPLAINT_LABELS[complaint.kind], language),
        words=f"{complaint.number} · {translate(STATE_LABELS[complaint.state], language)}",
        page="complaints",
        verb="c-show",
        about=complaint.id,
    )


besides.append(complaints_beside)
