"""What other rooms ask of delivery: redraw cards, stamp receipts and answers. Ringing is core.doorbell's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction
from backend.core.ids import AlarmId, ContactPointId, PersonId, new_id
from backend.core.vocabulary import Channel, Via
from backend.delivery.fallback import lock_notices_of
from backend.people.service import mark_contacts_verified

#: the way an answer came → the channel whose attempt it answers
_ANSWERED_BY: Final = {
    Via.TELEGRAM: Channel.TELEGRAM,
    Via.PHONE: Channel.APP,
    Via.SMS: Channel.SMS,
    Via.VOICE: Channel.VOICE,
}

#: in the order of their ids, as every other writer of attempts locks them (see carry)
_LOCK_ALL: Final = """
    select a.id from attempts a join notices n on n.id = a.notice where n.alarm = $1
    order by a.id for no key update of a"""
_RECEIVED: Final = """
    with shown as materialized (
        select id from attempts where id = any($2) and person = $1 and t6 is null and state in ('sending', 'accepted')
        order by id for no key update)
    update attempts a set t6 = $3 from shown where a.id = shown.id returning a.id, a.contact_point"""


async def answered(alarm: AlarmId, person: PersonId, via: Via, at: datetime) -> None:
    """Stamp t7 on the person's attempts by the way the answer came, in the caller's transaction."""
    channel = _ANSWERED_BY.get(via)
    if channel is None:
        return
    await lock_notices_of(alarm)
    await execute(_LOCK_ALL, alarm)
    rows = await fetch(
        """update attempts a set t7 = $4 from notices n
           where a.notice = n.id and n.alarm = $1 and a.person = $2 and a.channel = $3
             and a.t7 is null and a.state in ('sending', 'accepted') returning a.contact_point""",
        alarm,
        person,
        str(channel),
        at,
    )
    await mark_contacts_verified(_points(rows), at)


async def received(person: PersonId, attempts: Sequence[UUID]) -> int:
    """The person's phone shows these: stamp t6 once, keep the receipt. Answers how many were new."""
    now = clock.now()
    async with transaction():
        rows = await fetch(_RECEIVED, person, list(attempts), now)
        if rows:
            await execute(
                """insert into receipts (id, attempt, kind, at, facts)
                   select i, a, 'received', $3, '{}' from unnest($1::uuid[], $2::uuid[]) as x(i, a)""",
                [new_id() for _ in rows],
                [row["id"] for row in rows],
                now,
            )
            await mark_contacts_verified(_points(rows), now)
    return len(rows)


def _points(rows: Sequence[Mapping[str, Any]]) -> set[ContactPointId]:
    """What the person answered by, or saw it on: these ways are theirs."""
    return {ContactPointId(row["contact_point"]) for row in rows if row["contact_point"] is not None}
