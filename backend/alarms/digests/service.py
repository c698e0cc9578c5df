"""Wishing for a digest and no longer wishing for it; and the chore that sends those that are due.

The rule: a wish's next moment is moved on in the transaction that plans its digest, so that whoever runs the chore, and
how often, each digest is told once. It rings no telephone.
"""

import logging
from typing import Any, Final
from uuid import UUID

from backend.alarms.digests.card import digest_card
from backend.alarms.digests.model import Every, Wish, next_due, told_of
from backend.alarms.masks.releasing import Released, tell
from backend.alarms.status_review import period_between, review_for, zone_of
from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import BadInput, Refused
from backend.core.i18n import N_
from backend.core.ids import AlarmId, UnitId, new_id
from backend.core.vocabulary import Lane, Severity, Via
from backend.delivery import plan as delivery
from backend.delivery.model import NoticeKind
from backend.delivery.plan import Audience, NoticeDraft
from backend.delivery.reasons import Why, written
from backend.ledger.service import record_action
from backend.people.doors import require, units_seen
from backend.people.model import Person, Right
from backend.people.queries import own_ways
from backend.people.queries import person as person_by_id

log = logging.getLogger(__name__)

_COLUMNS: Final = "id, person, unit, every, minute, timezone, since, told_until, next_at"
_OWN: Final = f"select {_COLUMNS} from digest_wishes where person = $1"
_PUT: Final = """
    insert into digest_wishes (id, person, unit, every, minute, timezone, since, told_until, next_at, sent)
    values ($1, $2, $3, $4, $5, $6, $7, $7, $8, 0)
    on conflict (person) do update set unit = excluded.unit, every = excluded.every, minute = excluded.minute,
        timezone = excluded.timezone, next_at = excluded.next_at,
        since = case when digest_wishes.next_at is null then excluded.since else digest_wishes.since end,
        told_until = case when digest_wishes.next_at is null then excluded.since else digest_wishes.told_until end
    returning id"""
_STOP: Final = "update digest_wishes set next_at = null where person = $1 and next_at is not null returning id"
_DUE: Final = f"""
    select {_COLUMNS}, sent from digest_wishes where next_at <= $1
    order by next_at for no key update skip locked limit 1"""
_SENT: Final = """
    update digest_wishes set next_at = $3, told_until = $2, sent = sent + 1 where id = $1 returning sent"""
#: chores come once a second, one after the other: a pass must be short
_MOST_A_PASS: Final = 5
_WHY_NOT: Final = written(Why.NOT_URGENT)


def _wish(row: dict[str, Any]) -> Wish:
    return Wish(**{name: row[name] for name in Wish.__struct_fields__} | {"every": Every(row["every"])})


async def digest_wish(person: Person) -> Wish | None:
    """A person's wish that is switched on."""
    row = await fetch_one(_OWN, person.id)
    return _wish(row) if row and row["next_at"] else None


async def wish_for_digest(person: Person, every: Every, minute: int, unit: UnitId | None, via: Via) -> Wish:
    """订阅简报: of one unit, or of all that the person sees; it replaces what they wished for before.

    Raises `NotFound`, `BadInput`.
    """
    if unit is not None:
        require(person, Right.SEE, unit)
    elif units_seen(person) == frozenset():
        raise BadInput(N_("您还没有任何单位的查看权限"))
    _, timezone = await zone_of(person, unit)
    async with transaction():
        now = clock.now()
        due = next_due(every, minute, timezone, now)
        await execute(_PUT, new_id(), person.id, unit, str(every), minute, timezone, now, due)
        facts = {"every": str(every), "minute": minute, "unit": str(unit or ""), "via": str(via)}
        await record_action(person.code, "digest.wished", facts)
    wish = await digest_wish(person)
    assert wish is not None, "it was just written"
    return wish


async def stop_digest(person: Person, via: Via) -> bool:
    """停止简报: false when there was none."""
    async with transaction():
        if not await fetch(_STOP, person.id):
            return False
        await record_action(person.code, "digest.stopped", {"via": str(via)})
    return True


async def send_digests() -> int:
    """A chore: every digest that is due, each in a transaction of its own. Answers how many went."""
    sent = 0
    for _ in range(_MOST_A_PASS):
        released = Released()
        async with transaction():
            row = await fetch_one(_DUE, clock.now())
            if row is None:
                break
            sent += await _send(_wish(row), row["sent"] + 1, released)
        await tell(released)
    return sent


async def _send(wish: Wish, number: int, released: Released) -> bool:
    """Plan one digest and move its wish on, in the caller's transaction; nobody is told of what they may not see."""
    now = clock.now()
    since, until = told_of(wish, now)
    try:
        person = await person_by_id(wish.person)
        review = await review_for(person, wish.unit)
    except Refused:
        await _end(wish.id)
        return False
    if units_seen(person) == frozenset():
        await _end(wish.id)
        return False
    period = await period_between(person, since, until, wish.timezone, wish.unit)
    await execute(_SENT, wish.id, until, next_due(wish.every, wish.minute, wish.timezone, now))
    draft = NoticeDraft(
        alarm=AlarmId(wish.id),
        unit=wish.unit,
        kind=NoticeKind.REVIEW,
        severity=Severity.ABNORMAL,
        lane=Lane.ROUTINE,
        draw=lambda language: digest_card(wish, number, period, review, language),
        revision=number,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
        audience=Audience(people=frozenset({wish.person}), why_not=_WHY_NOT, beside=await own_ways([wish.person])),
    )
    released.add(await delivery.plan([draft]))
    return True


async def _end(wish: UUID) -> None:
    """The person has left, or no longer sees what it is about: the wish is over."""
    await execute("update digest_wishes set next_at = null where id = $1", wish)
    log.info("a digest has nobody to go to any more", extra={"wish": str(wish)})
