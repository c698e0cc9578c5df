"""The month's figures of complaints and feedback (投诉月报), from the rounds as they are. Pure.

A deadline counts in the month in which it was due or kept; a share of nothing is no figure. What was withdrawn before
its deadline had passed is neither kept nor broken.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from backend.complaints.model import CauseClass
from backend.core.vocabulary import ComplaintKind


class RoundLine(msgspec.Struct, frozen=True, kw_only=True):
    """A round as the figures need it."""

    kind: ComplaintKind
    complaint: str = ""  #: its number, "TS-20261126-001"
    number: int
    began_at: datetime
    reply_due_at: datetime
    settle_due_at: datetime
    replied_at: datetime | None = None
    paused_at: datetime | None = None
    settled_at: datetime | None = None
    cause: CauseClass | None = None
    is_justified: bool | None = None
    improvement: str = ""
    rating_asked_at: datetime | None = None
    rating: int | None = None
    closed_at: datetime | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What is done so that a justified complaint does not come again (改进措施)."""

    complaint: str
    cause: str
    improvement: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A month: how many, how fast, how satisfied, and why."""

    filed: int
    by_kind: dict[str, int]
    reopened: int
    replies_due: int  #: first replies that were made or should have been
    replies_in_time: int
    reply_share: float | None  #: in per cent
    settlements_due: int
    settlements_in_time: int
    settlement_share: float | None
    asked: int  #: closures of the month: how satisfied they are was asked at each
    rated: int
    unrated: int
    satisfaction: float | None
    causes: dict[str, int]  #: of justified complaints settled in the month
    actions: list[Action]  #: of the same


def figures_of(lines: Iterable[RoundLine], since: datetime, until: datetime, now: datetime) -> Figures:
    """The figures of [since, until), as known at `now`."""
    lines = list(lines)
    begun = [each for each in lines if since <= each.began_at < until]
    filed = [each for each in begun if each.number == 0]
    replies = _kept([(each.reply_due_at, each.replied_at, _gone(each), None) for each in lines], since, until, now)
    settlements = _kept(
        [(each.settle_due_at, each.settled_at, _gone(each), each.paused_at) for each in lines], since, until, now
    )
    closed = [each for each in lines if each.closed_at is not None and since <= each.closed_at < until]
    ratings = [each.rating for each in closed if each.rating is not None]
    actions = [
        Action(complaint=each.complaint, cause=str(each.cause), improvement=each.improvement)
        for each in sorted(lines, key=lambda line: (line.complaint, line.number))
        if each.cause and each.is_justified and each.settled_at and since <= each.settled_at < until
    ]
    return Figures(
        filed=len(filed),
        by_kind=dict(sorted(Counter(str(each.kind) for each in filed).items())),
        reopened=len(begun) - len(filed),
        replies_due=len(replies),
        replies_in_time=sum(replies),
        reply_share=_share(replies),
        settlements_due=len(settlements),
        settlements_in_time=sum(settlements),
        settlement_share=_share(settlements),
        asked=len(closed),
        rated=len(ratings),
        unrated=len(closed) - len(ratings),
        satisfaction=round(sum(ratings) / len(ratings), 2) if ratings else None,
        causes=dict(sorted(Counter(each.cause for each in actions).items())),
        actions=actions,
    )


def _gone(line: RoundLine) -> datetime | None:
    """When it was withdrawn: asked for satisfaction and never settled."""
    return line.rating_asked_at if line.settled_at is None else None


def _kept(
    deadlines: Sequence[tuple[datetime, datetime | None, datetime | None, datetime | None]],
    since: datetime,
    until: datetime,
    now: datetime,
) -> list[bool]:
    """Of (due, done, withdrawn, resting since): whether each that counts in the month was kept."""
    found = []
    for due, done, gone, paused in deadlines:
        stop = done or gone or paused
        if done is not None and done <= due:
            at, is_kept = done, True
        elif (stop or now) > due:
            at, is_kept = due, False
        else:
            continue
        if since <= at < until:
            found.append(is_kept)
    return found


def _share(kept: Sequence[bool]) -> float | None:
    return round(100 * sum(kept) / len(kept), 1) if kept else None
