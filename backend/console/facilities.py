"""What each facility says now, as pages: `/m/facilities` for phones, `/facilities` for the duty desk (4.1.1, 4.2 b).

From the units down to a building's devices, and from a device down to its systems and components.
"""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from backend.alarms.masks.queries import masks_on_device
from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.errors import NotAllowed, NotFound, NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.ids import DeviceId, UnitId
from backend.core.settings import Settings
from backend.core.vocabulary import SEVERITY_LABELS, Severity
from backend.monitoring.facilities import TONE_LABELS, DeviceNow, UnitNow
from backend.monitoring.queries import DEVICES_A_PAGE, events_for, facilities_for, units_at_a_glance
from backend.people.doors import units_seen
from backend.people.model import Person, Right

_EVENTS: Final = 20
#: stands for the devices of no unit in an address
UNIDENTIFIED: Final = "none"
_ICONS: Final = {"stale": "offline", "silent": "offline"}


def figure(value: Decimal | None) -> str:
    """A figure without an exponent and without noughts that say nothing."""
    text = "" if value is None else format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _tone_word(language: str, tone: str) -> str:
    label = TONE_LABELS.get(tone) or SEVERITY_LABELS[Severity(tone)]
    return translate(label, language)


def _common(request: Request[Any, Any, Any], person: Person) -> dict[str, Any]:
    """What both pages need: where they stand, and how to say things. The desk's are the provider's only."""
    is_desk = not request.url.path.startswith("/m")
    if is_desk and not person.is_provider:
        raise NotAllowed(N_("值班台只供服务机构人员使用"))
    return {
        "seat": "desk" if is_desk else "phone",
        "home": "/" if is_desk else "/m",
        "here": "/facilities" if is_desk else "/m/facilities",
        "figure": figure,
        "tone_word": lambda tone: _tone_word(person.language, tone),
        "tone_icon": lambda tone: _ICONS.get(tone, tone),
    }


def _unit_asked(word: str) -> UnitId | None:
    try:
        return UnitId(UUID(word))
    except ValueError:
        raise NotFound(N_("没有找到")) from None


def _only_device(units: list[UnitNow]) -> tuple[UnitNow, str, DeviceNow]:
    unit = units[0]
    building = unit.buildings[0]
    return unit, building.name, building.devices[0]


class FacilityPages(Controller):
    """What the facilities say, on a phone."""

    path = "/m/facilities"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def overview(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        unit: FromQuery[str] = "",
        after: FromQuery[int] = 0,
    ) -> Response[str]:
        """The units; or one unit's buildings and devices, with its latest events."""
        common = _common(request, person)
        seen = units_seen(person)
        is_list = not unit and (seen is None or len(seen) != 1)
        asked = None if not unit or unit == UNIDENTIFIED else _unit_asked(unit)
        after = max(0, min(after, 2**31 - 1))
        units = (
            []
            if is_list
            else await facilities_for(person, unit=asked, is_unidentified=unit == UNIDENTIFIED, after=after)
        )
        count = sum(len(building.devices) for each in units for building in each.buildings)
        return draw(
            "facilities.html",
            **await frame(person, settings, is_demo=is_demo),
            **common,
            asked=unit,
            glances=await units_at_a_glance(person) if is_list else [],
            facilities=units,
            events=[] if is_list or unit == UNIDENTIFIED else await events_for(person, unit=asked, limit=_EVENTS),
            next_after=after + count if count == DEVICES_A_PAGE else None,
        )

    @get("/{device_id:uuid}")
    async def device(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        device_id: FromPath[UUID],
        system: FromQuery[str] = "",
        before: FromQuery[UUID | None] = None,
    ) -> Response[str]:
        """One device: its link, its systems, every component's word and values; `system` shows one system alone."""
        common = _common(request, person)
        unit, building, device = _only_device(await facilities_for(person, device=DeviceId(device_id)))
        shown = [each for each in device.systems if system in {"", f"{each.system_type}.{each.system_address}"}]
        events = await events_for(person, device=DeviceId(device_id), before=before, limit=_EVENTS)
        return draw(
            "facility.html",
            **await frame(person, settings, is_demo=is_demo),
            **common,
            unit=unit,
            building=building,
            device=device,
            asked=system,
            masked=await masks_on_device(person, DeviceId(device_id)),
            may_mask=unit.id is not None and person.may(Right.MASK, UnitId(unit.id)),
            masks_here="/masks" if common["seat"] == "desk" else "/m/masks",
            systems=shown,
            events=events,
            more=events[-1].id if len(events) == _EVENTS else None,
        )


class DeskFacilityPages(FacilityPages):
    """The same at the duty desk, over all units."""

    path = "/facilities"
