"""What carriers say of attempts after they took them: delivered, heard, not reached; late, doubled or out of order.

The rule: a carrier's word adds evidence and never moves an attempt's state. Each word is kept once; the first good
one stamps t6. One that comes before our own outcome was written waits until its attempt is known.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.ids import AttemptId, new_id
from backend.core.vocabulary import Channel
from backend.delivery.carrier_codes import kept
from backend.people.rules import phone_spellings
from backend.people.service import mark_contact_failing, mark_contact_well, mark_undelivered

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

#: a word about an attempt we have not heard of by then is a stranger's
_EARLY_KEPT: Final = timedelta(days=1)
_MOST: Final = 200
_LONGEST_REASON: Final = 300

_FOUND: Final = "select a.id, a.channel, a.address, a.t6, a.why from attempts a"
_BY_NUMBER: Final = f"{_FOUND} where a.number = $1 and a.channel in ('sms', 'voice') for no key update of a"
_BY_VENDOR: Final = f"""
    {_FOUND} where a.channel in ('sms', 'voice') and a.surface ->> 'vendor' = $1 and a.surface ->> 'id' = $2
    for no key update of a"""
_KEEP: Final = """
    insert into receipts (id, attempt, kind, at, facts) values ($1, $2, $3, $4, $5::jsonb)
    on conflict do nothing returning id"""
_STAMP: Final = """
    update attempts set t6 = coalesce(t6, $2), why = case when state = 'accepted' then null else why end
    where id = $1"""
_NOT_REACHED: Final = "update attempts set why = $2 where id = $1 and t6 is null and state = 'accepted'"
_KEEP_EARLY: Final = """
    insert into early_words (vendor, provider_id, said, received_at, word) values ($1, $2, $3, $4, $5::jsonb)
    on conflict do nothing"""
_EARLY_KNOWN: Final = """
    select e.vendor, e.provider_id, e.said, e.word from early_words e
    where exists (select from attempts a where a.channel in ('sms', 'voice')
                  and a.surface ->> 'vendor' = e.vendor and a.surface ->> 'id' = e.provider_id)
    order by e.received_at limit $1"""


class Said(StrEnum):
    """What the carrier says. The value is the receipt's kind."""

    DELIVERED = "delivered"  #: the message is on the telephone
    HEARD = "heard"  #: the call was answered and listened to
    UNDELIVERED = "undelivered"  #: it did not reach the person


class CarrierSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier's word about one attempt, found by its short number or by the carrier's own id."""

    vendor: str
    said: Said
    id: str = ""  #: BizId, SerialNo, CallId, sid
    number: int | None = None  #: the attempt's short number, if the carrier echoes it
    phone: str = ""  #: whom it concerns; must fit the attempt when it is given
    code: str = ""  #: the carrier's own word
    reason: str = ""
    at: datetime | None = None  #: the carrier's time: evidence, nothing is decided by it
    contact_is_dead: bool = False  #: the number itself is no good


async def carrier_said(word: CarrierSaid) -> bool:
    """Keep a carrier's word. True when it is new; a doubled one, and one about nothing of ours, changes nothing."""
    word = _plain(word)
    async with transaction():
        found = await _find(word)
        if found is None:
            return await _keep_early(word)
        return await _apply(word, found)


async def settle_early_words() -> int:
    """Words that came before our own outcome: those whose attempt is known by now. A chore; answers how many."""
    now = clock.now()
    rows = await fetch(_EARLY_KNOWN, _MOST)
    for row in rows:
        async with transaction():
            gone = await fetch(
                "delete from early_words where vendor = $1 and provider_id = $2 and said = $3 returning word",
                row["vendor"],
                row["provider_id"],
                row["said"],
            )
            word = msgspec.json.decode(row["word"], type=CarrierSaid)
            if gone and (found := await _find(word)) is not None:
                await _apply(word, found)
    await execute("delete from early_words where received_at < $1", now - _EARLY_KEPT)
    return len(rows)


async def number_of(vendor: str, provider_id: str) -> int | None:
    """The short number of the attempt that a carrier knows by its own id; None: none of ours, or not yet."""
    row = await fetch_one(
        """select number from attempts
           where channel in ('sms', 'voice') and surface ->> 'vendor' = $1 and surface ->> 'id' = $2
           order by number desc limit 1""",
        vendor,
        provider_id,
    )
    return None if row is None else int(row["number"])


async def note_answer(attempt: AttemptId, kind: str, facts: Mapping[str, object]) -> bool:
    """A reply or a key: kept as evidence; who answers has received it. In the caller's transaction.

    False when the same was kept before: a carrier tells it twice.
    """
    now = clock.now()
    is_new = bool(await fetch(_KEEP, new_id(), attempt, kind, now, _encode(facts).decode()))
    await execute("update attempts set t6 = $2 where id = $1 and t6 is null", attempt, now)
    return is_new


def _plain(word: CarrierSaid) -> CarrierSaid:
    """With nothing in it that the database can't hold."""
    texts = {name: kept(getattr(word, name), _LONGEST_REASON) for name in ("id", "phone", "code", "reason")}
    return msgspec.structs.replace(word, **texts)


async def _find(word: CarrierSaid) -> dict[str, Any] | None:
    """The attempt, locked. The number is ours and comes first; a word about another telephone is about nothing."""
    found = None if word.number is None else await fetch_one(_BY_NUMBER, word.number)
    if found is None and word.id:
        found = await fetch_one(_BY_VENDOR, word.vendor, word.id)
    if (
        found is not None
        and word.phone
        and not set(phone_spellings(word.phone)) & set(phone_spellings(found["address"]))
    ):
        log.warning("a receipt for another telephone than the attempt's", extra={"vendor": word.vendor, "id": word.id})
        return None
    return found


async def _keep_early(word: CarrierSaid) -> bool:
    if not word.id:
        log.info("a receipt about nothing of ours", extra={"vendor": word.vendor, "code": word.code})
        return False
    now = clock.now()
    text = _encode(word).decode()
    done = await execute(_KEEP_EARLY, word.vendor, word.id, f"{word.said}:{word.code}", now, text)
    return not done.endswith(" 0")


async def _apply(word: CarrierSaid, found: dict[str, Any]) -> bool:
    now = clock.now()
    facts: dict[str, object] = {
        "word": f"{word.vendor}:{word.id}:{word.said}:{word.code}",  # what makes a second one a double
        "vendor": word.vendor,
        "id": word.id,
        "code": word.code,
        "reason": word.reason,
        "carrier_at": word.at.isoformat() if word.at else None,
    }
    if word.contact_is_dead:
        facts["contact_is_dead"] = True
    if not await fetch(_KEEP, new_id(), found["id"], str(word.said), now, _encode(facts).decode()):
        return False
    channel = Channel(found["channel"])
    if word.said is Said.UNDELIVERED:
        await execute(_NOT_REACHED, found["id"], word.reason or word.code)
        if word.contact_is_dead:
            await mark_contact_failing(channel, found["address"], word.reason or word.code)
        else:
            await mark_undelivered(channel, found["address"])
    else:
        await execute(_STAMP, found["id"], now)
        await mark_contact_well(channel, found["address"])
    return True
