"""An escalation (升级): how far a notice's policy has come, and what is next. Pure: a table and a few functions.

The rule: only a verdict, a mask or the end of what was reported ends it. An acknowledgement holds it, for a fire only
when every role that must know has answered, and only until the verdict is due; then it begins again, and tells those
who had acknowledged as well. Who acknowledged while others are still being told owes the verdict all the same. What has
ended never begins again.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from backend.core.ids import PersonId
from backend.core.vocabulary import Role, Severity
from backend.delivery.policy import Policy, Step

#: a step that comes later than this (we were away) puts those after it off, so that they don't come all at once
_LATE: Final = timedelta(seconds=10)


class State(StrEnum):
    """Where an escalation stands."""

    RUNNING = "running"  #: the next step is due at `due_at`
    HELD = "held"  #: somebody is at it, until `due_at`; or all rounds are through, and it waits for somebody
    ENDED = "ended"


class Event(StrEnum):
    """What moves it."""

    STEP = "step"  #: the next step's time has come
    ROUND = "round"  #: the next round's time has come
    SPENT = "spent"  #: all rounds are through
    ANSWERED = "answered"  #: everybody who must know has acknowledged
    UNJUDGED = "unjudged"  #: acknowledged, and no verdict in time
    END = "end"  #: verdict, mask, or over
    UNDONE = "undone"  #: the acknowledgement that held it, or the verdict that ended it, was undone at once


#: what isn't listed does not happen
TRANSITIONS: Final = {
    (State.RUNNING, Event.STEP): State.RUNNING,
    (State.RUNNING, Event.ROUND): State.RUNNING,
    (State.RUNNING, Event.SPENT): State.HELD,
    (State.RUNNING, Event.ANSWERED): State.HELD,
    (State.RUNNING, Event.UNJUDGED): State.RUNNING,
    (State.RUNNING, Event.END): State.ENDED,
    (State.HELD, Event.ANSWERED): State.HELD,
    (State.HELD, Event.UNJUDGED): State.RUNNING,
    (State.HELD, Event.END): State.ENDED,
    (State.RUNNING, Event.UNDONE): State.RUNNING,
    (State.HELD, Event.UNDONE): State.RUNNING,
    (State.ENDED, Event.UNDONE): State.RUNNING,
}
#: why an escalation that a verdict ended has ended
JUDGED: Final = "judged"


class Answer(msgspec.Struct, frozen=True):
    """Somebody acknowledged in this round, with the roles they hold there."""

    person: PersonId
    roles: frozenset[Role]
    at: datetime


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """One notice's way through its policy."""

    policy: Policy
    severity: Severity
    state: State
    step: int  #: the last one taken
    round: int  #: counts on; of the last step taken
    passes: int  #: rounds since it began or began again
    began_at: datetime  #: of this round
    due_at: datetime | None
    answers: tuple[Answer, ...] = ()  #: in this round's pass
    why: str = ""

    @property
    def acked_roles(self) -> frozenset[Role]:
        """Roles that need not be told again."""
        return frozenset(role for answer in self.answers for role in answer.roles)

    @property
    def acked_by(self) -> frozenset[PersonId]:
        """People who need not be told again."""
        return frozenset(answer.person for answer in self.answers)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a due escalation comes to: how it stands then, and the step to tell people by (None: none)."""

    event: Event
    after: Escalation
    step: Step | None
    at: datetime  #: when the step was due
    also: frozenset[PersonId] = frozenset()  #: told too: they had acknowledged, and there is no verdict


def begun(policy: Policy, severity: Severity, at: datetime) -> Escalation:
    """A new one, whose first step is taken at `at` by the notice itself."""
    first = Escalation(
        policy=policy, severity=severity, state=State.RUNNING, step=0, round=0, passes=0, began_at=at, due_at=None
    )
    return msgspec.structs.replace(first, due_at=_next_due(first))


def next_step(escalation: Escalation, now: datetime) -> Taken | None:
    """What is due now; None: nothing. One step at a time, in order."""
    due_at = escalation.due_at
    if escalation.state is State.ENDED or due_at is None or due_at > now:
        return None
    event = _event(escalation)
    if event is Event.SPENT:
        return Taken(event=event, after=_spent(escalation, now), step=None, at=due_at)
    late = now - due_at if now - due_at > _LATE else timedelta()
    again = event is Event.UNJUDGED
    number = escalation.step + 1 if event is Event.STEP else 0
    after = msgspec.structs.replace(
        escalation,
        state=TRANSITIONS[escalation.state, event],
        step=number,
        round=escalation.round + (event is not Event.STEP),
        passes=0 if again else escalation.passes + (event is Event.ROUND),
        began_at=(escalation.began_at if event is Event.STEP else due_at) + late,
        answers=() if again else escalation.answers,
        why=str(event),
    )
    after = msgspec.structs.replace(after, due_at=_next_due(after))
    also = escalation.acked_by if again else frozenset[PersonId]()
    return Taken(event=event, after=after, step=after.policy.steps[number], at=due_at, also=also)


def _event(escalation: Escalation) -> Event:
    owed_at = _owed_at(escalation)
    is_owed = owed_at is not None and escalation.due_at is not None and owed_at <= escalation.due_at
    if escalation.state is State.HELD or is_owed:
        return Event.UNJUDGED
    if escalation.step + 1 < len(escalation.policy.steps):
        return Event.STEP
    return Event.ROUND if escalation.passes + 1 < escalation.policy.rounds else Event.SPENT


def _next_due(escalation: Escalation) -> datetime:
    steps = escalation.policy.steps
    if escalation.step + 1 < len(steps):
        due_at = escalation.began_at + steps[escalation.step + 1].after
    else:
        due_at = escalation.began_at + steps[-1].after + escalation.policy.repeat_gap
    owed_at = _owed_at(escalation)
    return due_at if owed_at is None else min(due_at, owed_at)


def _owed_at(escalation: Escalation) -> datetime | None:
    """When the first who acknowledged owes the verdict."""
    first = min((answer.at for answer in escalation.answers), default=None)
    return None if first is None else first + escalation.policy.ack_timeout


def _spent(escalation: Escalation, now: datetime) -> Escalation:
    """All rounds are through. Who acknowledged meanwhile still owes the verdict."""
    owed = max((answer.at for answer in escalation.answers), default=None)
    return msgspec.structs.replace(
        escalation,
        state=TRANSITIONS[escalation.state, Event.SPENT],
        due_at=None if owed is None else max(now, owed + escalation.policy.ack_timeout),
        why=str(Event.SPENT),
    )


def acknowledged(
    escalation: Escalation, person: PersonId, roles: frozenset[Role], present: frozenset[Role], at: datetime
) -> Escalation:
    """Somebody knows. `present` are the roles that the unit has people for. A second tap of a pass changes nothing."""
    if escalation.state is State.ENDED or person in escalation.acked_by:
        return escalation
    answers = (*escalation.answers, Answer(person, roles, at))
    heard = msgspec.structs.replace(escalation, answers=answers)
    if _is_missing(heard, present):
        owed_at = at + heard.policy.ack_timeout
        return msgspec.structs.replace(heard, due_at=min(heard.due_at or owed_at, owed_at))
    due_at = escalation.due_at if escalation.state is State.HELD else None
    return msgspec.structs.replace(
        heard,
        state=TRANSITIONS[escalation.state, Event.ANSWERED],
        due_at=due_at or at + heard.policy.ack_timeout,
        why=str(Event.ANSWERED),
    )


def ended(escalation: Escalation, why: str) -> Escalation:
    """A verdict, a mask, or what was reported is over. Ending it twice changes nothing."""
    if escalation.state is State.ENDED:
        return escalation
    return msgspec.structs.replace(escalation, state=TRANSITIONS[escalation.state, Event.END], due_at=None, why=why)


def unacknowledged(escalation: Escalation, person: PersonId, present: frozenset[Role]) -> Escalation:
    """An acknowledgement undone: the notices go on where they were, unless others' answers hold them still."""
    if escalation.state is State.ENDED or person not in escalation.acked_by:
        return escalation
    left = tuple(answer for answer in escalation.answers if answer.person != person)
    after = msgspec.structs.replace(escalation, answers=left)
    if escalation.state is State.RUNNING or (left and not _is_missing(after, present)):
        return after
    if escalation.why == Event.SPENT:
        return after if left else msgspec.structs.replace(after, due_at=None)
    return _resumed(after)


def unjudged(
    escalation: Escalation, person: PersonId, roles: frozenset[Role], present: frozenset[Role], at: datetime
) -> Escalation:
    """A verdict undone: what it ended goes on; who gave it knows, and that holds as an acknowledgement does."""
    if escalation.state is not State.ENDED or escalation.why != JUDGED:
        return escalation
    resumed = _resumed(escalation)
    if resumed.answers and not _is_missing(resumed, present):
        due_at = at + resumed.policy.ack_timeout
        state = TRANSITIONS[resumed.state, Event.ANSWERED]
        resumed = msgspec.structs.replace(resumed, state=state, due_at=due_at)
    return acknowledged(resumed, person, roles, present, at)


def _is_missing(escalation: Escalation, present: frozenset[Role]) -> bool:
    """Whether a role that must answer, and that the unit has people for, has not."""
    return bool((escalation.policy.required_roles & present) - escalation.acked_roles)


def _resumed(escalation: Escalation) -> Escalation:
    state = TRANSITIONS[escalation.state, Event.UNDONE]
    return msgspec.structs.replace(escalation, state=state, due_at=_next_due(escalation), why=str(Event.UNDONE))


def is_still_to_tell(escalation: Escalation, person: PersonId, roles: frozenset[Role]) -> bool:
    """Whether a later step needs this person: not who acknowledged, nor whose every role has."""
    if person in escalation.acked_by:
        return False
    return not roles or not roles <= escalation.acked_roles
