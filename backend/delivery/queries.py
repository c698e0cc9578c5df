"""Reads of the deadline ledger for pages and programs: how each notice went, attempt by attempt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch
from backend.core.ids import AlarmId
from backend.core.vocabulary import Severity
from backend.delivery.model import AttemptState, NoticeKind
from backend.people.doors import units_seen
from backend.people.model import Person

_ATTEMPTS: Final = """
    select t.id, n.alarm, n.id as notice, n.kind, n.severity, n.clause, n.deadline_at, p.name as person, t.channel,
        t.step, t.round, t.state, t.why, t.is_held, t.tries, n.t0, n.t1, n.t2, n.t3, t.t4, t.t5, t.t6, t.t7
    from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
    where n.alarm = any($2) and ($1::uuid[] is null or n.unit = any($1::uuid[]))
    order by n.created_at desc, t.round desc, t.step desc, p.code, t.channel
"""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to tell one person by one way, with the stamps t0…t7 (house.md §2) and whether the deadline held."""

    id: UUID
    alarm: UUID
    notice: UUID
    kind: NoticeKind
    severity: Severity
    clause: str | None
    deadline_at: datetime | None
    person: str
    channel: str
    step: int  #: of the policy; 0 is the first
    round: int
    state: AttemptState
    why: str | None
    is_held: bool | None
    tries: int
    t0: datetime  #: first octet
    t1: datetime  #: frame complete
    t2: datetime | None  #: durable
    t3: datetime  #: planned
    t4: datetime | None  #: handed to the channel
    t5: datetime | None  #: accepted by the provider
    t6: datetime | None  #: receipt
    t7: datetime | None  #: human answer

    @property
    def lamp(self) -> str:
        """The attempt in one word: answered, seen, sent, late, refused, skipped, waiting."""
        if self.t7 is not None:
            return "answered"
        if self.t6 is not None:
            return "seen"
        if self.state is AttemptState.ACCEPTED:
            return "late" if self.is_held is False else "sent"
        return str(self.state) if self.state in {AttemptState.REFUSED, AttemptState.SKIPPED} else "waiting"

    @property
    def seconds(self) -> float | None:
        """First octet to the carrier's acceptance."""
        return None if self.t5 is None else (self.t5 - self.t0).total_seconds()


async def told_of(person: Person, alarms: Sequence[AlarmId]) -> list[Told]:
    """Every attempt for these alarms that lies in the person's units; newest notice first."""
    units = units_seen(person)
    rows = await fetch(_ATTEMPTS, None if units is None else list(units), list(alarms))
    return msgspec.convert(rows, list[Told])
