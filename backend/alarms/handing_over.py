"""An unidentified device finds its unit: its open alarms go there, and the unit's people are told.

The rule: alarms change hands in the very transaction that registers the device, before the ledger's head is taken,
so that nobody waits for it in a ring. What is told counts from then: the unit could not be told earlier.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.hearing import lane_of, listeners
from backend.alarms.model import Alarm
from backend.alarms.raising import write_unreached
from backend.alarms.rows import COLUMNS, NewEntry, alarm_of, alarms_of, revision_of, write_entries
from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import SERVER_AWAY, execute, fetch, transaction
from backend.core.deadlines import NOTICE_DEADLINES
from backend.core.ids import DeviceId, PersonId
from backend.core.live import Hint
from backend.core.vocabulary import Via
from backend.delivery import escalating
from backend.delivery import plan as delivery
from backend.delivery.model import NoticeKind
from backend.delivery.plan import NoticeDraft, Planned
from backend.delivery.revising import Redraws, revise_all
from backend.ledger.service import record_action
from backend.monitoring.model import Level, Subject, subject_of
from backend.monitoring.placing import marked, placed
from backend.people.model import Person
from backend.registry.places import places_of
from backend.registry.service import adopt

log = logging.getLogger(__name__)

_STRANGERS: Final = f"""
    select {COLUMNS} from alarms a join devices d on d.id = a.device
    where a.closed_at is null and a.unit is null and d.unit is not null and a.condition <> 'mass_outage'
    order by a.id for update of a"""
_HAND_OVER: Final = """
    update alarms a set unit = x.unit, place = x.place::jsonb, marks = x.marks::jsonb, revision = a.revision + 1
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as x(id, unit, place, marks) where a.id = x.id"""
_NOW: Final = f"select {COLUMNS} from alarms a where a.id = any($1) order by a.id"
_encode = msgspec.json.Encoder().encode


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """What a hand-over leaves to ring for, after the commit."""

    alarms: Sequence[Alarm] = ()
    planned: Planned = Planned(attempts={}, notices=[])
    redraws: Redraws = {}


async def adopt_device(  # noqa: PLR0917 - in the order of registry.service.adopt
    person: Person, device_id: DeviceId, unit_code: str, building_code: str, name: str, profile: str, via: Via
) -> None:
    """登记设备: the device joins a unit, with its open alarms; the unit's people are told of those that stand.

    Raises what `registry.service.adopt` raises. One transaction, in the ledger; announced after its commit.
    """
    handed = HandedOver()

    async def record(what: str, facts: dict[str, Any]) -> None:
        nonlocal handed
        handed = await hand_over(person, via)
        await record_registration(person.code, what, {**facts, "via": str(via)}, handed)

    async with transaction():
        await adopt(person, device_id, unit_code, building_code, name, profile, record=record)
    await tell(handed)


async def record_registration(actor: str, what: str, facts: Mapping[str, Any], handed: HandedOver) -> None:
    """The registration and what changed hands by it, in the ledger: last in the caller's transaction."""
    given = {str(alarm.id): str(alarm.unit) for alarm in handed.alarms}
    await record_action(actor, what, {**facts, "alarms_handed_over": given})


async def hand_over(person: Person | None = None, via: Via | None = None) -> HandedOver:
    """Give every open alarm without a unit, whose device has one by now, to that unit. In the caller's transaction.

    Who did it, by what way, stands in the alarms' stories; without a person it was the command line.
    """
    strangers = [alarm_of(row) for row in await fetch(_STRANGERS)]
    if not strangers:
        return HandedOver()
    now = clock.now()
    await _write(strangers)
    alarms = await alarms_of(await fetch(_NOW, [alarm.id for alarm in strangers]))
    redraws = await revise_all([revision_of(alarm) for alarm in alarms])
    by: PersonId | None = person.id if person is not None else None
    await write_entries(
        [NewEntry(alarm.id, now, "handed_over", {"unit": alarm.place.unit_name}, by, via) for alarm in alarms]
    )
    standing = [alarm for alarm in alarms if alarm.is_active and listeners(alarm) is not None]
    await escalating.ended([alarm.id for alarm in standing], "handed over")
    planned = await delivery.plan([_draft(alarm, now) for alarm in standing])
    await write_unreached(planned, now)
    return HandedOver(alarms=alarms, planned=planned, redraws=redraws)


async def tell(handed: HandedOver) -> None:
    """Ring and hint, after the commit, and stamp t2. What is lost here costs time only."""
    if not handed.alarms:
        return
    at = clock.now()
    hints = [Hint(unit=str(alarm.unit or ""), alarm=str(alarm.id)) for alarm in handed.alarms]
    await announce(handed.planned.attempts, handed.redraws, hints)
    try:
        await delivery.mark_durable([(notice, at) for notice in handed.planned.notices])
    except (*SERVER_AWAY, asyncpg.PostgresError) as error:
        log.warning("hand-over not stamped", extra={"error": type(error).__name__})


async def _write(alarms: Sequence[Alarm]) -> None:
    subjects = [_subject(alarm) for alarm in alarms]
    found = await places_of([(alarm.device, each) for alarm, each in zip(alarms, subjects, strict=True)])
    rows = [
        (
            alarm.id,
            at.unit,
            _encode(placed(alarm.place, subject, at)).decode(),
            _encode(marked(alarm.marks, subject, at)).decode(),
        )
        for alarm, subject, at in zip(alarms, subjects, found, strict=True)
    ]
    await execute(_HAND_OVER, *map(list, zip(*rows, strict=True)))


def _subject(alarm: Alarm) -> Subject:
    """What the alarm is about. A printer's line names its place in words, and is no component."""
    subject = subject_of(alarm.subject)
    if "/text/" in alarm.subject:
        return Subject(level=Level.SYSTEM, system_type=subject.system_type, system_address=subject.system_address)
    return subject


def _draft(alarm: Alarm, now: datetime) -> NoticeDraft:
    deadline = NOTICE_DEADLINES[alarm.severity]
    return NoticeDraft(
        alarm=alarm.id,
        unit=alarm.unit,
        kind=NoticeKind.RAISED,
        severity=alarm.severity,
        lane=lane_of(alarm),
        draw=lambda language: alarm_card(alarm, language),
        revision=alarm.revision,
        t0=now,
        t1=now,
        deadline=deadline.within,
        clause=deadline.clause,
        escalates=alarm.verdict is None,
    )
