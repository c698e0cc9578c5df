"""Windows for drills and tests (演练/测试): opened by a person, bounded, announced; and an alarm in one made real.

The rule: an alarm counts as expected only while its window is open; what a person calls real is told to everybody at
once, as if there had been no window.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.locating import locate
from backend.alarms.masks.model import (
    WINDOW_SCOPES,
    Scope,
    Window,
    WindowKind,
    WindowState,
    check_window,
    window_moved,
)
from backend.alarms.masks.releasing import Released, release_ended, tell, tell_if_held
from backend.alarms.masks.rows import insert_window, locked_window, put_window, window_made
from backend.alarms.masks.service import clean_reason
from backend.alarms.masks.telling import redraw_window, tell_of_window
from backend.alarms.service import locked
from backend.core import clock
from backend.core.db.engine import transaction
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import AlarmId, PersonId, UnitId, new_id
from backend.core.live import Hint
from backend.core.vocabulary import Role, Via
from backend.delivery.plan import INSIDE_CHANNELS
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.people.queries import recipients

#: who answers for a unit's fires
_ANSWERING: Final = frozenset({Role.UNIT_MANAGER, Role.UNIT_DUTY})


async def open_window(
    person: Person,
    scope: Scope,
    kind: WindowKind,
    reason: str,
    *,
    from_at: datetime,
    until_at: datetime,
    via: Via,
    people: Sequence[PersonId] = (),
    window_id: UUID | None = None,
) -> Window:
    """安排演练或测试: opens at once when its time has come, else by itself.

    `people`: who is told of alarms in it (default: all of the unit's people); those who answer for the unit's fires are
    told in any case. `window_id`: of a caller who may ask twice; the second time it is found.

    Raises `BadInput` for one that is too long or would reach nobody, `NotFound`, `NotAllowed`.
    """
    released = Released()
    times = {"from_at": from_at, "until_at": until_at}
    async with transaction():
        if (made := await window_made(window_id)) is not None:
            require(person, Right.MASK, made.unit)
            return made
        window = await arrange(
            person, scope, kind, reason, people=people, released=released, window_id=window_id, **times
        )
        await record_action(person.code, "window.planned", {**window_facts(window), "via": str(via)})
    await tell(released)
    return window


async def arrange(
    person: Person,
    scope: Scope,
    kind: WindowKind,
    reason: str,
    *,
    from_at: datetime,
    until_at: datetime,
    people: Sequence[PersonId],
    released: Released,
    window_id: UUID | None = None,
) -> Window:
    """`open_window` inside the caller's transaction, who writes it to the ledger and tells what is released."""
    if scope.kind not in WINDOW_SCOPES or not scope.is_whole:
        raise BadInput(N_("演练或测试的范围不正确"))
    now = clock.now()
    at = await locate(person, scope, Right.MASK)
    check_window(kind, from_at, until_at, now)
    told = await _whom_told(at.unit, people)
    window = Window(
        id=window_id or new_id(),
        number=0,
        unit=at.unit,
        scope=scope,
        kind=kind,
        what=at.what,
        reason=clean_reason(reason),
        is_fire=at.is_fire,
        state=WindowState.PLANNED,
        opened_by=person.id,
        asked_at=now,
        from_at=from_at,
        until_at=until_at,
        people=told,
    )
    window = await insert_window(window)
    return await move_window(window, WindowState.OPEN, None, released) if from_at <= now else window


async def end_window(person: Person, window_id: UUID, via: Via) -> Window:
    """结束演练或测试: what stands then, and nobody has judged, is told like anything else. Idempotent.

    Raises `NoSuchMask`, `NotAllowed`.
    """
    released = Released()
    async with transaction():
        window = await locked_window(person, window_id)
        require(person, Right.MASK, window.unit)
        if window.state is WindowState.ENDED:
            return window
        window = await move_window(window, WindowState.ENDED, person.id, released)
        await record_action(person.code, "window.ended", {**window_facts(window), "via": str(via)})
    await tell(released)
    return window


async def move_window(window: Window, to: WindowState, by: PersonId | None, released: Released) -> Window:
    """Open or end a window in the caller's transaction, and announce it when it is over fire points."""
    now = clock.now()
    after = window_moved(window, to, now, by)
    await put_window(window, after)
    if to is WindowState.ENDED:
        await release_ended(released)
        await redraw_window(after, released)
    if after.is_fire and not (to is WindowState.ENDED and window.state is WindowState.PLANNED):
        await tell_of_window(after, released, now)
    released.hints.append(Hint(unit=str(window.unit)))
    return after


async def make_real(person: Person, alarm_id: AlarmId, via: Via) -> None:
    """升级为真实: an alarm in a window, or a masked one, is told to everybody at once. A second tap changes nothing.

    A real fire ends the drill, and lifts the mask, that kept it quiet: `chores` sees to it within a second or two.

    Whoever may acknowledge it may do this: calling an alarm real needs no rank. Raises `NoSuchAlarm`, `NotAllowed`.
    """
    released = Released()
    async with transaction():
        alarm = await locked(person, alarm_id, Right.ACKNOWLEDGE)
        if alarm.closed_at is not None or not await tell_if_held(person, alarm, via, released):
            return
        await record_action(person.code, "alarm.made_real", {"alarm": str(alarm_id), "via": str(via)})
    await tell(released)


async def _whom_told(unit: UnitId, people: Sequence[PersonId]) -> tuple[PersonId, ...]:
    """Who is named must be of the unit, and somebody of them must be reached inside the house.

    The unit's managers and duty are added: nobody may be the only one to hear of what might be a real fire.
    """
    ways = await recipients(unit)
    if not set(people) <= {way.person for way in ways}:
        raise BadInput(N_("指定的人员须是本单位人员且有联络方式"))
    wanted = set(people) or {way.person for way in ways}
    if not any(way.channel in INSIDE_CHANNELS and way.failure is None for way in ways if way.person in wanted):
        raise BadInput(N_("演练或测试期间至少须有一人可经手机页面或聊天收到通知"))
    answering = {way.person for way in ways if way.roles & _ANSWERING} if people else set()
    return tuple(sorted({*people, *answering}))


def window_facts(window: Window) -> dict[str, Any]:
    """A window as the ledger keeps it."""
    return {
        "window": str(window.id),
        "number": window.number,
        "unit": str(window.unit),
        "kind": str(window.kind),
        "scope": msgspec.to_builtins(window.scope),
        "reason": window.reason,
        "from": window.from_at.isoformat(),
        "until": window.until_at.isoformat(),
        "state": str(window.state),
    }
