"""Masks, drills and tests as pages: `/masks` at the duty desk, `/m/masks` on a phone (4.4.4).

What is in force and what waits, with who, why and until when; the forms to ask, and the acts a reader may do.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from backend.alarms.masks.model import (
    LONGEST_WINDOW,
    MASK_POLICY,
    MASK_SCOPES,
    SCOPE_LABELS,
    WINDOW_LABELS,
    WINDOW_SCOPES,
    Scope,
    ScopeKind,
    WindowKind,
)
from backend.alarms.masks.queries import choices_for, masks_for, people_to_tell, windows_for, words_of
from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.errors import NotAllowed, NotFound, NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.ids import DeviceId, UnitId
from backend.core.settings import Settings
from backend.people.model import Person, Right

WHICH: Final = ("open", "ended")
#: how long a mask or a window may be asked for, in minutes; the policy cuts the list
_LASTS: Final = (30, 60, 120, 240, 480, 1440, 3 * 1440, 7 * 1440, 14 * 1440, 30 * 1440)
_STARTS: Final = (0, 30, 60, 240, 1440)
_MINUTES_A_DAY: Final = 1440
_MINUTES_AN_HOUR: Final = 60


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that a form offers: its words and what is sent for it."""

    value: str
    words: str


def lasting(minutes: int, language: str) -> str:
    """A length of time in words."""
    if minutes % _MINUTES_A_DAY == 0 and minutes:
        return translate(N_("{n} 天"), language, n=minutes // _MINUTES_A_DAY)
    if minutes % _MINUTES_AN_HOUR == 0 and minutes:
        return translate(N_("{n} 小时"), language, n=minutes // _MINUTES_AN_HOUR)
    return translate(N_("{n} 分钟"), language, n=minutes) if minutes else translate(N_("立即"), language)


def _within(longest: timedelta) -> list[int]:
    return [each for each in _LASTS if timedelta(minutes=each) <= longest]


def _asked_scope(device: UUID | None, system: str, component: str) -> Scope | None:
    """The scope that a facility's page asked for by its address. Raises `NotFound` for one that makes no sense."""
    if device is None:
        return None
    system_type, _, system_address = system.partition(".")
    given: dict[str, Any] = {"kind": ScopeKind.DEVICE, "device": str(device)}
    if system:
        given |= {"kind": ScopeKind.SYSTEM, "system_type": system_type, "system_address": system_address}
    if component:
        given |= {"kind": ScopeKind.COMPONENT, "component_address": component}
    try:
        scope = msgspec.convert(given, Scope, strict=False)
    except msgspec.ValidationError:
        raise NotFound(N_("没有找到")) from None
    if not scope.is_whole:
        raise NotFound(N_("没有找到"))
    return scope


def _value(scope: Scope) -> str:
    return msgspec.json.encode(scope).decode()


async def _forms(person: Person, unit: UnitId | None) -> dict[str, Any]:
    """What the forms for one unit offer."""
    language = person.language
    choices = await choices_for(person, unit) if unit and person.may(Right.MASK, unit) else []
    offered = [
        (
            each.kind,
            Asked(value=_value(each.scope), words=f"{translate(SCOPE_LABELS[each.kind], language)} · {each.words}"),
        )
        for each in choices
    ]
    return {
        "mask_scopes": [asked for kind, asked in offered if kind in MASK_SCOPES],
        "window_scopes": [asked for kind, asked in offered if kind in WINDOW_SCOPES],
        "window_kinds": [(str(kind), translate(label, language)) for kind, label in WINDOW_LABELS.items()],
        "people": await people_to_tell(person, unit) if choices and unit else [],
        "window_lasts": _within(max(LONGEST_WINDOW[kind] for kind in WindowKind)),
        "starts": _STARTS,
    }


class MaskPages(Controller):
    """Masks, drills and tests on a phone."""

    path = "/m/masks"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def masks(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        which: FromQuery[str] = WHICH[0],
        unit: FromQuery[UUID | None] = None,
        device: FromQuery[UUID | None] = None,
        system: FromQuery[str] = "",
        component: FromQuery[str] = "",
    ) -> Response[str]:
        """What is in force, what waits, and a form for the unit or the component that was asked for."""
        is_desk = not request.url.path.startswith("/m/")
        if is_desk and not person.is_provider:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
        around = await frame(person, settings, is_demo=is_demo)
        scope = _asked_scope(DeviceId(device) if device else None, system, component)
        words, is_fire = await words_of(person, scope) if scope else ("", False)
        units = around["units"]
        asked = UnitId(unit) if unit else units[0].id if len(units) == 1 else None
        return draw(
            "masks.html",
            **around,
            seat="desk" if is_desk else "phone",
            home="/" if is_desk else "/m",
            here="/masks" if is_desk else "/m/masks",
            which=which if which in WHICH else WHICH[0],
            masks=await masks_for(person, "ended" if which == WHICH[1] else "open"),
            windows=await windows_for(person, "ended" if which == WHICH[1] else "open"),
            asked_unit=asked,
            scope=Asked(value=_value(scope), words=words) if scope else None,
            is_component=bool(scope and scope.kind is ScopeKind.COMPONENT),
            is_fire=is_fire,
            lasts=_within(MASK_POLICY[is_fire].longest),
            lasting=lambda minutes: lasting(minutes, person.language),
            **await _forms(person, None if scope else asked),
        )


class DeskMaskPages(MaskPages):
    """The same at the duty desk, over all units."""

    path = "/masks"
