"""Reads of the deadline ledger for pages and programs: how each notice went, attempt by attempt."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import fetch, fetch_one
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId
from backend.core.vocabulary import Channel, Severity
from backend.delivery.model import AttemptState, Card, Delivery, NoticeKind
from backend.delivery.reasons import sentence
from backend.people.doors import units_seen
from backend.people.model import Person

_ATTEMPTS: Final = """
    select t.id, n.alarm, n.id as notice, n.kind, n.severity, n.clause, n.deadline_at, p.name as person, t.channel,
        t.step, t.round, t.state, coalesce(t.why, t.surface ->> 'after') as why, t.because, t.is_held, t.tries,
        n.t0, n.t1, n.t2, n.t3, t.t4, t.t5, t.t6, t.t7
    from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
    where n.alarm = any($2) and ($1::uuid[] is null or n.unit = any($1::uuid[]))
    order by n.created_at desc, t.round desc, t.step desc, p.code, t.channel
"""

_DELIVERY: Final = """
    select a.id, a.number, a.notice, a.person, a.address, a.language, a.tries, a.deadline_at, n.kind, n.revision,
        coalesce(n.cards -> a.language, n.cards -> 'zh_CN') as card
    from attempts a join notices n on n.id = a.notice where a.number = $1 and a.channel = $2
"""
#: nobody replies to an older card
_ANSWERED_WITHIN: Final = timedelta(days=90)
#: the card that hangs at one message of a chat; edits keep its place
_CARD_AT: Final = """
    select n.alarm, coalesce((coalesce(n.cards -> a.language, n.cards -> 'zh_CN')) ->> 'about', 'alarm') as about
    from attempts a join notices n on n.id = a.notice
    where a.channel = $1 and a.surface @> $2::jsonb and a.created_at > $4 and a.person in (
        select person from contact_points where channel = $1 and (address = $3 or address like $3 || '/%'))
    order by a.created_at desc limit 1
"""
_decode_card = msgspec.json.Decoder(Card).decode


async def card_at(channel: Channel, chat: int, message: int) -> tuple[str, UUID] | None:
    """What the card at a message of a chat speaks of: "alarm" and its id; None where no card of ours hangs."""
    place = msgspec.json.encode({"chat": chat, "message": message}).decode()
    row = await fetch_one(_CARD_AT, channel, place, str(chat), clock.now() - _ANSWERED_WITHIN)
    return None if row is None else (row["about"], row["alarm"])


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
    why: str | None  #: why it was not made, or waits, or which vendor did not take it before; as a sentence
    because: str | None  #: why it was begun beside the plan, as a sentence
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
    said = [
        {**row, **{each: sentence(row[each], person.language) or None for each in ("why", "because")}} for row in rows
    ]
    return msgspec.convert(said, list[Told])


async def delivery_of(channel: Channel, number: int) -> Delivery | None:
    """What an attempt tells, with its card as it stands now: for a carrier that asks to hear it again."""
    row = await fetch_one(_DELIVERY, number, str(channel))
    if row is None:
        return None
    return Delivery(
        attempt=AttemptId(row["id"]),
        notice=NoticeId(row["notice"]),
        person=PersonId(row["person"]),
        address=row["address"],
        card=msgspec.structs.replace(_decode_card(row["card"]), revision=row["revision"]),
        number=row["number"],
        kind=NoticeKind(row["kind"]),
        language=row["language"],
        tries=row["tries"],
        deadline_at=row["deadline_at"],
    )
