"""A person's own inbox: reads by sequence number.

The rule: a person reads their own rows only; the person comes from the session, never from the request.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch
from backend.core.ids import PersonId
from backend.delivery.model import Card

PAGE: Final = 100
_AFTER: Final = """
    select seq, attempt, notice, alarm, revision, card, at, is_new
    from inbox_items where person = $1 and seq > $2 order by seq limit $3
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
