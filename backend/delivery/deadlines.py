"""Reads of the deadline ledger over a stretch of time: every notice, how fast each severity was, and the breaches.

A stretch is half-open and counts the moment a notice was planned (t3); a breach counts by when it was due. Percentiles
are values that occurred (nearest rank), from the complete frame (t1) to the provider's acceptance (t5).
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.db.engine import connection, fetch, transaction
from backend.core.ids import UnitId
from backend.core.vocabulary import Severity
from backend.delivery.breach_model import BreachKind, CauseCode, NoteKind

_PAGE: Final = 1000
_DOOR: Final = "($3::uuid[] is null or n.unit = any($3))"

_NOTICES: Final = f"""
    select n.id as notice, n.alarm, u.code as unit, u.name as unit_name, coalesce(u.timezone, $4) as timezone,
        n.kind, n.severity, n.clause, n.deadline_at, n.t0, n.t1, n.t2, n.t3,
        n.cards -> 'zh_CN' ->> 'number' as number, n.cards -> 'zh_CN' ->> 'where' as place,
        t.id as attempt, p.name as person, t.channel, t.state, t.why, t.tries, t.is_held,
        t.round, t.step, t.deadline_at as attempt_deadline_at, t.t4, t.t5, t.t6, t.t7
    from notices n left join units u on u.id = n.unit left join attempts t on t.notice = n.id
        left join people p on p.id = t.person
    where n.created_at >= $1 and n.created_at < $2 and {_DOOR}
    order by n.created_at, n.id, t.created_at, t.number"""
#: each kind's first acceptance, then each notice's: soonest first, [1] is the first kind and [2] the second. Grouped
#: over the whole stretch, for one look-up a notice takes several times as long over a month
_SPEEDS: Final = f"""
    with kinds as (
        select n.id, n.severity, n.unit, n.deadline_at, n.t1, min(t.t5) as at, bool_and(t.state = 'skipped') as skipped
        from notices n left join attempts t on t.notice = n.id
        where n.created_at >= $1 and n.created_at < $2 and {_DOOR} and n.kind = 'raised' and n.deadline_at is not null
        group by n.id, t.channel),
    firsts as (
        select severity, unit, deadline_at, t1, array_agg(at order by at) as at
        from kinds group by id, severity, unit, deadline_at, t1 having not coalesce(bool_and(skipped), false)),
    told as (
        select severity, extract(epoch from at[1] - t1)::float8 as first_s,
            extract(epoch from at[2] - t1)::float8 as two_s,
            at[case when unit is null then 1 else 2 end] <= deadline_at as is_held
        from firsts)
    select severity, count(*) as notices, count(*) filter (where is_held) as held,
        count(*) filter (where first_s is null) as unaccepted, count(two_s) as two_kinds,
        percentile_disc(0.5) within group (order by first_s) as first_p50,
        percentile_disc(0.99) within group (order by first_s) as first_p99, max(first_s) as first_max,
        percentile_disc(0.5) within group (order by two_s) as two_p50,
        percentile_disc(0.99) within group (order by two_s) as two_p99, max(two_s) as two_max
    from told group by severity"""
_BREACHES: Final = """
    select b.id, b.kind, b.clause, b.severity, b.unit as unit_id, u.code as unit, u.name as unit_name,
        coalesce(u.timezone, $4) as timezone, b.alarm, b.notice, b.attempt, b.due_at, b.found_at,
        coalesce(b.late_ms, (c.facts ->> 'late_ms')::bigint) as late_ms, b.cause_code, b.cause::text as cause,
        r.at as repaired_at, r.text as repaired_how
    from breaches b left join units u on u.id = b.unit
        left join breach_notes c on c.breach = b.id and c.kind = 'completed'
        left join breach_notes r on r.breach = b.id and r.kind = 'repaired'
    where b.due_at >= $1 and b.due_at < $2 and ($3::uuid[] is null or b.unit = any($3))
        and ($5::text is null or b.kind = $5) and ($6::text is null or b.severity = $6)
    order by b.due_at desc, b.id desc limit $7"""
_NOTES: Final = """
    select x.breach, x.kind, x.at, p.name as person, x.text
    from breach_notes x left join people p on p.id = x.person where x.breach = any($1) order by x.at, x.id"""
_COUNTS: Final = """
    select kind, cause_code, count(*) as breaches from breaches b
    where b.due_at >= $1 and b.due_at < $2 and ($3::uuid[] is null or b.unit = any($3))
    group by kind, cause_code order by count(*) desc, kind, cause_code"""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """From (inclusive) to (exclusive), of which units (None: all, and what belongs to none), in whose zone."""

    since: datetime
    until: datetime
    units: Sequence[UnitId] | None = None
    timezone: str = "Asia/Shanghai"  #: of what belongs to no unit
    patience_s: float | None = None  #: for PostgreSQL; None: the pool's own, which is for pages


class AttemptLine(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt with its stamps."""

    attempt: UUID
    person: str
    channel: str
    state: str
    why: str | None
    tries: int
    is_held: bool | None
    round: int
    step: int
    attempt_deadline_at: datetime | None  #: a later step's runs from its own time
    t4: datetime | None
    t5: datetime | None
    t6: datetime | None
    t7: datetime | None


class NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One notice with its stamps and attempts."""

    notice: UUID
    alarm: UUID
    unit: str | None
    unit_name: str | None
    timezone: str
    kind: str
    severity: Severity
    clause: str | None
    deadline_at: datetime | None
    t0: datetime
    t1: datetime
    t2: datetime | None
    t3: datetime
    number: str | None
    place: str | None
    attempts: tuple[AttemptLine, ...] = ()

    @property
    def kinds(self) -> list[tuple[str, float]]:
        """Each kind of contact that was accepted, with the seconds from t1 to its first acceptance; soonest first."""
        first: dict[str, float] = {}
        for each in self.attempts:
            if each.t5 is not None:
                seconds = (each.t5 - self.t1).total_seconds()
                first[each.channel] = min(seconds, first.get(each.channel, seconds))
        return sorted(first.items(), key=lambda kind: kind[1])

    @property
    def is_held(self) -> bool | None:
        """Whether two kinds (one, for the duty desk's own) were accepted in time; None where nothing was due."""
        if self.deadline_at is None or (self.attempts and all(each.state == "skipped" for each in self.attempts)):
            return None
        wanted = 1 if self.unit is None else 2
        within = (self.deadline_at - self.t1).total_seconds()
        return sum(seconds <= within for _, seconds in self.kinds) >= wanted


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How fast one severity was, in seconds from t1: to the first acceptance, and to that of a second kind."""

    severity: Severity
    notices: int = 0
    held: int = 0
    unaccepted: int = 0
    two_kinds: int = 0
    first_p50: float | None = None
    first_p99: float | None = None
    first_max: float | None = None
    two_p50: float | None = None
    two_p99: float | None = None
    two_max: float | None = None


class NoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a breach."""

    kind: NoteKind
    at: datetime
    person: str | None
    text: str


class BreachLine(msgspec.Struct, frozen=True, kw_only=True):
    """One breach with its cause, what repaired it and how late the message came after all."""

    id: UUID
    kind: BreachKind
    clause: str | None
    severity: Severity
    unit_id: UUID | None
    unit: str | None
    unit_name: str | None
    timezone: str
    alarm: UUID
    notice: UUID | None
    attempt: UUID | None
    due_at: datetime
    found_at: datetime
    late_ms: int | None
    cause_code: CauseCode
    cause: dict[str, str | int | None]
    repaired_at: datetime | None
    repaired_how: str | None
    notes: tuple[NoteLine, ...] = ()


class CauseCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many breaches of a kind had one cause."""

    kind: BreachKind
    cause_code: CauseCode
    breaches: int


async def notices(stretch: Stretch) -> AsyncGenerator[NoticeLine, None]:
    """Every notice of the stretch in order, by a cursor: any number of rows goes through a little memory."""
    held: list[dict[str, Any]] = []
    values = (stretch.since, stretch.until, _units(stretch), stretch.timezone)
    async with transaction() as one:
        async for record in one.cursor(_NOTICES, *values, prefetch=_PAGE, timeout=stretch.patience_s):
            row = dict(record)
            if held and held[0]["notice"] != row["notice"]:
                yield _notice(held)
                held = []
            held.append(row)
    if held:
        yield _notice(held)


def _notice(rows: list[dict[str, Any]]) -> NoticeLine:
    attempts = [row for row in rows if row["attempt"] is not None]
    line = msgspec.convert({name: rows[0].get(name) for name in NoticeLine.__struct_fields__[:-1]}, NoticeLine)
    return msgspec.structs.replace(line, attempts=tuple(msgspec.convert(row, AttemptLine) for row in attempts))


async def speeds(stretch: Stretch) -> list[Speed]:
    """Each severity's figures, in the vocabulary's order; one without notices has none."""
    rows = await _read(stretch, _SPEEDS, stretch.since, stretch.until, _units(stretch))
    found = {row["severity"]: msgspec.convert(row, Speed) for row in rows}
    return [found.get(str(each), Speed(severity=each)) for each in Severity]


async def breaches(
    stretch: Stretch, *, kind: BreachKind | None = None, severity: Severity | None = None, limit: int | None = None
) -> list[BreachLine]:
    """Breaches of the stretch with their notes, newest first."""
    rows = await _read(
        stretch,
        _BREACHES,
        stretch.since,
        stretch.until,
        _units(stretch),
        stretch.timezone,
        None if kind is None else str(kind),
        None if severity is None else str(severity),
        limit,
    )
    notes: dict[UUID, list[NoteLine]] = {}
    for row in await fetch(_NOTES, [row["id"] for row in rows]) if rows else []:
        notes.setdefault(row["breach"], []).append(msgspec.convert(row, NoteLine))
    return [
        msgspec.convert(
            {**row, "cause": msgspec.json.decode(row["cause"]), "notes": notes.get(row["id"], [])}, BreachLine
        )
        for row in rows
    ]


async def causes(stretch: Stretch) -> list[CauseCount]:
    """How many breaches had which cause, the most frequent first."""
    rows = await _read(stretch, _COUNTS, stretch.since, stretch.until, _units(stretch))
    return msgspec.convert(rows, list[CauseCount])


def _units(stretch: Stretch) -> list[UnitId] | None:
    return None if stretch.units is None else list(stretch.units)


async def _read(stretch: Stretch, sql: str, *values: Any) -> list[dict[str, Any]]:
    async with connection() as one:
        return [dict(row) for row in await one.fetch(sql, *values, timeout=stretch.patience_s)]
