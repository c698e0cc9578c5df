"""When a digest is due: at a minute of the local day, each day or each Monday. Pure.

The rule: each digest begins where the last one ended, so that nothing is told twice and nothing is left out; after a
standstill one digest tells of all that was missed, no further back than a week.
"""

import re
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.rota.model import instant

DEFAULT_MINUTE: Final = 8 * 60
#: how far back one digest tells at the most
LONGEST: Final = timedelta(days=8)
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3])\s?(?:[:：点时]?([0-5]\d|半)?)分?")
_A_DAY: Final = 24 * 60


class Every(StrEnum):
    """How often."""

    DAY = "day"
    WEEK = "week"


EVERY_LABELS: Final = {Every.DAY: N_("每天 {time}"), Every.WEEK: N_("每周一 {time}")}
HEADLINES: Final = {Every.DAY: N_("每日简报"), Every.WEEK: N_("每周简报")}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish for a digest (简报)."""

    id: UUID
    person: PersonId
    unit: UnitId | None
    every: Every
    minute: int
    timezone: str
    since: datetime
    told_until: datetime
    next_at: datetime | None

    @property
    def time(self) -> str:
        """The time of day on the unit's clock."""
        return f"{self.minute // 60:02}:{self.minute % 60:02}"


def minute_of(words: str) -> int:
    """The minute of the day that "8:30", "0830", "8点" or nothing means. Raises `BadInput`."""
    text = unicodedata.normalize("NFKC", words).strip()
    if not text:
        return DEFAULT_MINUTE
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise BadInput(N_("时间应写作 08:00"))
    return int(found.group(1)) * 60 + (30 if found.group(2) == "半" else int(found.group(2) or 0))


def next_due(every: Every, minute: int, timezone: str, now: datetime) -> datetime:
    """The first moment after `now` at which a digest is due."""
    zone = ZoneInfo(timezone)
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for ahead in range(9):
        local = day + timedelta(days=ahead, minutes=minute % _A_DAY)
        due = instant(local, zone)
        if due > now and (every is Every.DAY or local.weekday() == 0):
            return due
    msg = "a week has a Monday"
    raise AssertionError(msg)


def told_of(wish: Wish, now: datetime) -> tuple[datetime, datetime]:
    """From when until when the digest that is due now tells: where the last one ended, at most a week back."""
    return max(wish.told_until, now - LONGEST), now
