"""A person's own inbox: reads by sequence number.

The rule: a person reads their own rows only; the person comes from the session, never from the request.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch, fetch_one
from backend.core.ids import PersonId
from backend.delivery.model import Card

PAGE: Final = 100
_AFTER: Final = """
    select seq, attempt, notice, alarm, revision, card, at, is_new
    from inbox_items where person = $1 and seq > $2 order by seq limit $3
"""
_LATEST: Final = "select coalesce(max(seq), 0) as seq from inbox_items where person = $1"
_RECENT: Final = """
    select coalesce(min(seq), 1) - 1 as seq
    from (select seq from inbox_items where person = $1 order by seq desc limit $2) as newest
"""
_decode_card = msgspec.json.Decoder(Card).decode


class InboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """A card as it was put into the inbox; of each alarm the highest `seq` is how it stands."""

    seq: int
    attempt: UUID
    notice: UUID
    alarm: UUID
    revision: int
    card: Card
    at: datetime
    is_new: bool  #: False: the card was redrawn, nothing rings


async def items_after(person: PersonId, after: int, limit: int = PAGE) -> list[InboxItem]:
    """Items with a number above `after`, lowest first."""
    rows = await fetch(_AFTER, person, after, limit)
    return [InboxItem(**{**row, "card": _decode_card(row["card"])}) for row in rows]


async def latest(person: PersonId) -> int:
    """The highest number in the inbox; 0 when it is empty."""
    row = await fetch_one(_LATEST, person)
    return int(row["seq"]) if row else 0


async def before_recent(person: PersonId, count: int) -> int:
    """The number after which the newest `count` items stand; where a phone without memory begins."""
    row = await fetch_one(_RECENT, person, count)
    return int(row["seq"]) if row else 0
