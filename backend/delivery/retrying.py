"""Retry by class: how often, how soon and until when an attempt is made again, and when the next kind begins. Pure.

The rule: one table, refusal × severity. A wait that a carrier asked for is kept; nothing is tried when it is no use any
more; and the next kind never waits for the last retry when the deadline is nearer than that.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from backend.core.vocabulary import Severity
from backend.delivery.model import RefusalKind


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `most` counts all tries; waits double from `first` up to `longest`."""

    most: int = 1
    first: timedelta = timedelta()
    longest: timedelta = timedelta(seconds=30)
    next_after: int = 1  #: after so many tries the next kind is begun beside the retries
    blames_contact: bool = False  #: the address is marked as failing


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from one refusal."""

    again_at: datetime | None  #: None: refused for good
    begins_next: bool
    blames_contact: bool


_NEVER: Final = Retry()
_SOON: Final = timedelta(milliseconds=250)
# 0.25 s, 0.75 s, 1.75 s after the first try lie within a fire's 3 s; the next kind begins with the second refusal, so
# that its own first try has 2 s left
_FIRE_AGAIN: Final = Retry(most=16, first=_SOON, next_after=2)
_AGAIN: Final = Retry(most=16, first=_SOON, next_after=4)
# a limit that was reached does not go away by asking: the carrier's own `retry_after` decides, else these waits
_FIRE_LIMIT: Final = Retry(most=8, first=timedelta(seconds=1))
_LIMIT: Final = Retry(most=8, first=timedelta(seconds=5), longest=timedelta(minutes=5))

#: refusal → (fire, anything else)
_ROWS: Final = {
    RefusalKind.CONTACT: (Retry(blames_contact=True), Retry(blames_contact=True)),
    RefusalKind.CONTENT: (_NEVER, _NEVER),  # our own message is wrong: the next kind draws it another way
    RefusalKind.CONFIGURATION: (_NEVER, _NEVER),  # somebody must act first
    RefusalKind.MONEY: (_NEVER, _NEVER),
    RefusalKind.LIMIT: (_FIRE_LIMIT, _LIMIT),
    RefusalKind.BUSY: (_FIRE_AGAIN, _AGAIN),
    RefusalKind.AWAY: (_FIRE_AGAIN, _AGAIN),
    # the carrier may have taken it: a second message or call would be one too many (SendSms is not idempotent)
    RefusalKind.UNKNOWN: (_NEVER, _NEVER),
}
RETRIES: Final[dict[RefusalKind, dict[Severity, Retry]]] = {
    kind: {severity: fire if severity is Severity.FIRE else other for severity in Severity}
    for kind, (fire, other) in _ROWS.items()
}
#: a message that comes later than this after the report is no use: others were told, or it is over
USEFUL: Final = {
    Severity.FIRE: timedelta(minutes=5),
    Severity.FAULT: timedelta(minutes=30),
    Severity.ABNORMAL: timedelta(minutes=30),
    Severity.OFFLINE: timedelta(minutes=30),
}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal of one try, as the table needs to know it."""

    kind: RefusalKind
    severity: Severity
    tries: int  #: with this one
    at: datetime
    since: datetime  #: when the report came
    deadline_at: datetime | None
    retry_after_s: float | None


def judge(refused: Refused) -> Verdict:
    """What follows from a refusal, by the table."""
    row = RETRIES[refused.kind][refused.severity]
    again_at = _again_at(refused, row)
    return Verdict(
        again_at=again_at,
        begins_next=_begins_next(refused, row, again_at),
        blames_contact=row.blames_contact,
    )


def _again_at(refused: Refused, row: Retry) -> datetime | None:
    if refused.tries >= row.most:
        return None
    doubled = row.first * (2.0 ** min(refused.tries - 1, 20))
    wait = timedelta(seconds=refused.retry_after_s) if refused.retry_after_s else min(doubled, row.longest)
    again_at = refused.at + wait
    return again_at if again_at <= refused.since + USEFUL[refused.severity] else None


def _begins_next(refused: Refused, row: Retry, again_at: datetime | None) -> bool:
    """Once for each attempt: when it ends, when it was tried often enough, or when the deadline will not be kept."""
    if again_at is None or refused.tries == row.next_after:
        return True
    if refused.deadline_at is None or again_at <= refused.deadline_at:
        return False
    return refused.tries == 1 or refused.at <= refused.deadline_at
