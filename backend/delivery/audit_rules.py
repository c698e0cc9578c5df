"""The auditor's decisions: why an attempt was late, and along which stretch of time a check looks. Pure.

The rule: a cause is read from what the rows say, the first that fits in a fixed order; nothing is guessed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from backend.delivery.breach_model import AttemptSeen, Cause, CauseCode, Scene, Window

#: what `attempts.why` may hold, in small letters: our words and carriers', or the codes of reasons stored as JSON
BUDGET_WORDS: Final = ("the channel rests", '"rests"', '"waits"', "429", "budget", "quota", "rate limit")
NOT_CONFIGURED_WORDS: Final = ("is not configured", '"not_configured"')
#: what is skipped with these words was to be told and was not; any other reason is a decision (told by another alarm)
INVOLUNTARY: Final = ("budget", "quota", "circuit", '"useless"')
#: rows are committed within seconds of the times they are found by; the last stretch is looked at again and again
OVERLAP: Final = timedelta(seconds=20)
#: what a new auditor looks back over, a slice a pass
FIRST_LOOK: Final = timedelta(days=1)
SLICE: Final = timedelta(hours=6)
_HALF: Final = 2


class Deadline(NamedTuple):
    """Of one notice: what an attempt had, from the frame to the deadline."""

    t1: datetime
    t3: datetime
    at: datetime


def _planned_late(_: AttemptSeen, deadline: Deadline, __: Scene) -> bool:
    """More than half of the time was gone before the notice stood in the database."""
    return (deadline.t3 - deadline.t1) * _HALF > deadline.at - deadline.t1


def _said(attempt: AttemptSeen, words: Sequence[str]) -> bool:
    why = (attempt.why or "").lower()
    return any(each in why for each in words)


_Rule = tuple[CauseCode, Callable[[AttemptSeen, Deadline, Scene], bool]]
#: the first that fits is the cause
_RULES: Final[tuple[_Rule, ...]] = (
    (CauseCode.PLANNED_LATE, _planned_late),
    (CauseCode.NOT_CONFIGURED, lambda a, _, __: a.state == "refused" and _said(a, NOT_CONFIGURED_WORDS)),
    (CauseCode.CONTACT_DEAD, lambda a, _, __: a.state in {"refused", "skipped"} and a.contact_failure is not None),
    (CauseCode.BUDGET, lambda a, _, __: _said(a, BUDGET_WORDS)),
    (CauseCode.CARRIER_REFUSED, lambda a, _, __: a.state == "refused"),
    (CauseCode.DATABASE_AWAY, lambda _, d, s: s.was_away(d.t1, d.at)),
    (CauseCode.CARRIER_STALLED, lambda a, _, __: a.t5 is None and _said(a, ("timeout",))),
    (CauseCode.CARRIER_FAILING, lambda a, _, __: a.t5 is None and a.tries > 0 and bool(a.why)),
    (
        CauseCode.WORKER_DIED,
        lambda a, _, s: a.state == "sending" and a.lease_until is not None and a.lease_until < s.now,
    ),
    (CauseCode.WORKER_DEAD, lambda a, _, s: a.tries == 0 and a.lane not in s.living),
    (CauseCode.BACKLOG, lambda a, d, _: a.tries == 0 or (a.t4 is not None and a.t4 > d.at)),
    (CauseCode.CARRIER_SLOW, lambda a, _, __: a.t4 is not None or a.state == "sending"),
)


def cause_of(attempt: AttemptSeen, deadline: Deadline, scene: Scene) -> Cause:
    """Why this attempt was not accepted by its deadline."""
    code = next((code for code, fits in _RULES if fits(attempt, deadline, scene)), CauseCode.UNKNOWN)
    facts: dict[str, str | int | None] = {
        "channel": attempt.channel,
        "state": attempt.state,
        "tries": attempt.tries,
        "why": attempt.why,
    }
    return Cause(code=code, facts=facts)


def cause_of_kinds(attempts: Sequence[AttemptSeen], deadline: Deadline, scene: Scene) -> Cause:
    """Why a notice reached too few kinds of contact: one kind only, or why the best of the others failed."""
    kinds = {each.channel for each in attempts if each.state != "skipped"}
    in_time = {each.channel for each in attempts if each.t5 is not None and each.t5 <= deadline.at}
    said: dict[str, str | int | None] = {"kinds": len(kinds), "in_time": ",".join(sorted(in_time)) or None}
    late = [each for each in attempts if each.channel not in in_time and each.state != "skipped"]
    late = late or [each for each in attempts if each.channel not in in_time]
    if not late:
        return Cause(code=CauseCode.ONE_KIND, facts=said)
    order = {code: place for place, (code, _) in enumerate(_RULES)}
    causes = [cause_of(each, deadline, scene) for each in late]
    first = min(causes, key=lambda cause: order.get(cause.code, len(order)))
    return Cause(code=first.code, facts={**first.facts, **said})


def windows(mark: datetime | None, now: datetime) -> tuple[list[Window], datetime]:
    """Where to look in this pass, the present first, and the mark after it.

    `mark` is up to when everything was looked at; a gap (no auditor lived) is worked off a slice a pass.
    """
    recent = Window(now - OVERLAP, now)
    behind = mark if mark is not None else now - FIRST_LOOK
    if behind >= recent.since:
        return [recent], now
    slice_end = min(behind + SLICE, recent.since)
    has_caught_up = slice_end == recent.since
    return [recent, Window(behind - OVERLAP, slice_end)], now if has_caught_up else slice_end
