"""The test on the wire (触发测试): the next word of the order's own component, heard at the front door to the second.

The rule: the front door only adds a row, in its own transaction, and locks no order; acts and the chore read it.
A window over that one component keeps the test inside the house, so that it rings nowhere as a fire.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.model import Scope, ScopeKind, WindowKind, WindowState
from backend.alarms.masks.releasing import Released
from backend.alarms.masks.rows import locked_window
from backend.alarms.masks.windows import arrange, move_window, window_facts
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.deadlines import TEST_SIGNAL_WITHIN
from backend.core.i18n import N_
from backend.core.ids import new_id
from backend.core.vocabulary import Via
from backend.ledger.service import record_action
from backend.monitoring.changes import Change
from backend.people.model import Person
from backend.work_orders.acting import Done, settle
from backend.work_orders.model import WireAt, WorkOrder
from backend.work_orders.telling import tell

_AWAITED: Final = """
    select o.id, o.device, o.system_type, o.system_address, o.component_address, o.test_asked_at, o.test_until_at
    from work_orders o
    where o.device = any($1) and o.component_address is not null and o.state = 'on_site'
      and o.test_asked_at is not null and o.test_signal_at is null and o.test_until_at >= $2"""
_HEARD: Final = """
    insert into work_order_signals (id, work_order, subject, at, said, ledger_id)
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::uuid[])
    on conflict (work_order, ledger_id, subject) do nothing"""
_FIRST: Final = """
    select at, said from work_order_signals
    where work_order = $1 and at >= $2 and at <= $3 order by at, id limit 1"""
_NORMAL: Final = N_("正常")
_VALUE: Final = N_("模拟量上报")


async def hear(changes: Sequence[Change]) -> None:
    """What components say while an order waits for them, in the front door's transaction: one look a batch."""
    spoken = [each for each in changes if _is_word(each)]
    if not spoken:
        return
    devices = list({each.device for each in spoken})
    awaited = await fetch(_AWAITED, devices, min(each.report.received_at for each in spoken))
    by_subject: dict[str, list[dict[str, Any]]] = {}
    for row in awaited:
        by_subject.setdefault(_subject(row), []).append(row)
    rows = [
        (new_id(), row["id"], change.subject, change.report.received_at, _said(change), change.ledger_id)
        for change in spoken
        for row in by_subject.get(_component(change.subject), [])
        if row["test_asked_at"] <= change.report.received_at <= row["test_until_at"]
    ]
    if rows:
        await execute(_HEARD, *map(list, zip(*rows, strict=True)))


def _is_word(change: Change) -> bool:
    """A component's own, and of now."""
    return not change.is_history and change.subject.count("/") >= 2


def _component(subject: str) -> str:
    return "/".join(subject.split("/", maxsplit=3)[:3])


def _subject(row: dict[str, Any]) -> str:
    return WireAt(
        device=row["device"],
        system_type=row["system_type"],
        system_address=row["system_address"],
        component_address=row["component_address"],
    ).subject


def _said(change: Change) -> str:
    """What it said, as sentences of the catalogue: what stands, or that all is well, or a value."""
    titles = dict.fromkeys(each.condition.title for each in change.standing)
    if titles:
        return "\n".join(titles)
    return _NORMAL if change.governed else _VALUE


async def expect(
    person: Person, order: WorkOrder, now: datetime, released: Released
) -> tuple[WorkOrder, dict[str, Any] | None]:
    """Begin to wait, in the caller's transaction; answers the order and, of a window that was opened, its facts."""
    assert order.at is not None
    until, window, facts = now + TEST_SIGNAL_WITHIN, order.test_window, None
    if not await _is_open(window, until):
        scope = Scope(
            kind=ScopeKind.COMPONENT,
            device=order.at.device,
            system_type=order.at.system_type,
            system_address=order.at.system_address,
            component_address=order.at.component_address,
        )
        words = f"工单 #{order.number} 测试"
        opened = await arrange(
            person, scope, WindowKind.TEST, words, from_at=now, until_at=until, people=(), released=released
        )
        window, facts = opened.id, window_facts(opened)
    after = msgspec.structs.replace(
        order,
        test_asked_at=now,
        test_until_at=until,
        test_window=window,
        test_signal_at=None,
        test_said="",
    )
    return after, facts


async def _is_open(window: UUID | None, until: datetime) -> bool:
    """Whether a window that was opened before still lasts as long."""
    if window is None:
        return False
    row = await fetch_one(
        "select 1 from test_windows where id = $1 and state = 'open' and until_at >= $2", window, until
    )
    return row is not None


async def end_test(person: Person, order: WorkOrder, released: Released) -> dict[str, Any] | None:
    """Nobody tests any more: its window is over, and what the component says from now on is told like anything else.

    In the caller's transaction, before any alarm's story is written to. Answers the facts of a window that it ended.
    """
    if order.test_window is None:
        return None
    window = await locked_window(person, order.test_window)
    if window.state is not WindowState.OPEN:
        return None
    return window_facts(await move_window(window, WindowState.ENDED, person.id, released))


async def record_window(person: Person, facts: dict[str, Any] | None, via: Via) -> None:
    """The window in the ledger; last in the transaction."""
    if facts is not None:
        what = "window.ended" if facts["state"] == WindowState.ENDED else "window.planned"
        await record_action(person.code, what, {**facts, "via": str(via)})


async def first_signal(order: WorkOrder) -> tuple[datetime, str] | None:
    """The component's first word since the order began to wait for it; None: nothing yet."""
    if order.test_asked_at is None or order.test_until_at is None:
        return None
    row = await fetch_one(_FIRST, order.id, order.test_asked_at, order.test_until_at)
    return (row["at"], row["said"]) if row else None


async def take_signal(order: WorkOrder, now: datetime, released: Released) -> tuple[WorkOrder, Done | None]:
    """Note on a locked order what its component said; nothing when that is known, or nothing was said."""
    if order.test_signal_at is not None or (signal := await first_signal(order)) is None:
        return order, None
    at, said = signal
    after = msgspec.structs.replace(order, test_signal_at=at, test_said=said, revision=order.revision + 1)
    done = Done(kind="test_signal", facts={"signal_at": at.isoformat(), "said": said})
    after = await settle(order, after, done, now, released)
    if after.assignee is not None:
        await tell(after, (after.assignee,), now, released)
    return after, done
