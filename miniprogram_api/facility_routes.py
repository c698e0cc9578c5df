"""`/mp/v1/facilities`, `/mp/v1/events`: what each facility says now, and what was told without an alarm."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from backend.core.ids import DeviceId
from backend.monitoring.facilities import EventNow, UnitNow
from backend.monitoring.queries import DEVICES_A_PAGE, EVENTS_A_PAGE, events_for, facilities_for
from backend.people.model import Person

_MOST_DEVICES: Final = 50
_MOST_EVENTS: Final = 200
_MOST_READ: Final = 2**31 - 1


class FacilitiesOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of devices by unit and building; ask again with `after` = `next_after` while `is_more`."""

    units: list[UnitNow]
    next_after: int
    is_more: bool


class EventsOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events, newest first; ask again with `before` = the last one's id while `is_more`."""

    events: list[EventNow]
    is_more: bool


class Facilities(Controller):
    """What the person's facilities say now."""

    path = "/mp/v1"
    tags = ("phone",)

    @get("/facilities")
    async def facilities(
        self,
        person: NamedDependency[Person],
        device: FromQuery[UUID | None] = None,
        after: Annotated[int, QueryParameter(ge=0, le=_MOST_READ)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=_MOST_DEVICES)] = DEVICES_A_PAGE,
    ) -> FacilitiesOut:
        """Unit → building → device → system → component, each with the device's time and the time of receipt."""
        units = await facilities_for(person, device=DeviceId(device) if device else None, after=after, limit=limit)
        count = sum(len(building.devices) for unit in units for building in unit.buildings)
        return FacilitiesOut(units=units, next_after=after + count, is_more=device is None and count == limit)

    @get("/events")
    async def events(
        self,
        person: NamedDependency[Person],
        device: FromQuery[UUID | None] = None,
        before: FromQuery[UUID | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=_MOST_EVENTS)] = EVENTS_A_PAGE,
    ) -> EventsOut:
        """Changes and operations of class I (信息), which make no alarm."""
        events = await events_for(person, device=DeviceId(device) if device else None, before=before, limit=limit)
        return EventsOut(events=events, is_more=len(events) == limit)
