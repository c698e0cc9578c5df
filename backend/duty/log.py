"""The duty log (值班日志): what people on duty write down, and what handovers and duty checks came to."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.clock import in_zone
from backend.core.db.engine import fetch, transaction
from backend.core.i18n import N_, translate
from backend.core.ids import UnitId
from backend.core.vocabulary import VIA_LABELS, Via
from backend.duty.model import LOG_LABELS, LogKind, must_say
from backend.duty.rows import write_log
from backend.duty.telling import DESK_NAME
from backend.ledger.service import record_action
from backend.people.doors import require, units_seen
from backend.people.model import Person, Right
from backend.registry.model import DEFAULT_TIMEZONE

_LINES: Final = """
    select l.id, l.unit, u.name as unit_name, coalesce(u.timezone, $5) as timezone, l.at, p.name as person, l.kind,
        l.text, l.via
    from duty_log l left join units u on u.id = l.unit left join people p on p.id = l.person
    where ($1::uuid[] is null or l.unit = any($1::uuid[])) and (not $3 or l.unit is not distinct from $2)
    order by l.at desc, l.id desc limit $4"""
_MOST: Final = 300


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the duty log as people read it."""

    id: UUID
    unit: UUID | None
    unit_name: str
    at: datetime
    person: str
    kind: str
    kind_word: str
    text: str
    via_word: str


async def log(person: Person, unit: UnitId | None, text: str, via: Via, line: UUID | None = None) -> None:
    """记入值班日志. `unit` None: the provider's duty desk. `line`: of a caller who may send it twice; it is there once.

    Raises `NotFound`, `NotAllowed`, `BadInput`.
    """
    require(person, Right.DUTY, unit)
    said = must_say(text, N_("请写下要记录的内容"))
    async with transaction():
        if not await write_log(unit, clock.now(), person.id, LogKind.NOTE, said, via, line):
            return
        facts = {"unit": str(unit or ""), "text": said, "via": str(via)}
        await record_action(person.code, "duty.logged", facts)


async def log_for(
    person: Person, unit: UnitId | None = None, *, is_one: bool = False, limit: int = 50
) -> list[LogLine]:
    """The duty log of the person's units, newest first. `is_one`: of `unit` alone, None being the provider's desk.

    Raises `NotFound` for one unit that is not the person's.
    """
    if is_one:
        require(person, Right.SEE, unit)
    seen = units_seen(person)
    rows = await fetch(_LINES, None if seen is None else list(seen), unit, is_one, min(limit, _MOST), DEFAULT_TIMEZONE)
    language = person.language
    return [
        LogLine(
            id=row["id"],
            unit=row["unit"],
            unit_name=row["unit_name"] or translate(DESK_NAME, language),
            at=in_zone(row["at"], row["timezone"]),
            person=row["person"] or "",
            kind=row["kind"],
            kind_word=translate(LOG_LABELS[LogKind(row["kind"])], language),
            text=row["text"],
            via_word=translate(VIA_LABELS[Via(row["via"])], language) if row["via"] else "",
        )
        for row in rows
    ]
