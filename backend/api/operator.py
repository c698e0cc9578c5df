"""`/api/v1`: what programs of the provider read and do, with a token of kind `api` (`fenghuo token`)."""

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from backend.alarms.handing_over import adopt_device
from backend.alarms.model import Alarm
from backend.alarms.queries import alarm_for, alarms_for
from backend.alarms.showing import piece_for, pieces_for
from backend.api.complaints import Complaints, piece_response
from backend.api.duty import DUTY
from backend.api.masks import Masks, Windows
from backend.api.work_orders import WorkOrders
from backend.core.ids import AlarmId, ContactPointId, DeviceId, UnitId
from backend.core.vocabulary import Via
from backend.delivery.queries import Told, told_of
from backend.delivery.trying import try_contact
from backend.evidence.model import Evidence, EvidenceId
from backend.monitoring.link_queries import LinkMonth, availability_for, month_asked
from backend.people.contacts import Contact, failing_contacts
from backend.people.model import Person
from backend.registry import queries as registry
from backend.registry.model import DEFAULT_PROFILE, Device, Unit, UnitTree

_MOST: Final = 500
Text = Annotated[str, Meta(min_length=1, max_length=100)]


class AdoptIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an unidentified device belongs. An empty building leaves it open."""

    unit: Text
    name: Text
    building: Annotated[str, Meta(max_length=100)] = ""
    profile: Annotated[str, Meta(max_length=40)] = DEFAULT_PROFILE


class AdoptedOut(msgspec.Struct, frozen=True):
    """The device's id and the unit it belongs to now."""

    device: UUID
    unit: str


class Registry(Controller):
    """Units and devices."""

    path = "/api/v1"
    tags = ("operator",)

    @get("/units")
    async def units(self, operator: NamedDependency[Person]) -> list[Unit]:
        """The units this token may see, by code."""
        return list(await registry.units_for(operator))

    @get("/units/{unit_id:uuid}")
    async def unit(self, operator: NamedDependency[Person], unit_id: FromPath[UUID]) -> UnitTree:
        """One unit with its buildings, zones, devices and agreements."""
        return await registry.unit_tree(operator, UnitId(unit_id))

    @get("/devices/unidentified")
    async def unidentified(self, operator: NamedDependency[Person]) -> list[Device]:
        """Devices that report and belong to no unit (未登记设备), newest first."""
        return list(await registry.unidentified_devices(operator))

    @post("/devices/{device_id:uuid}/adoption", status_code=200)
    async def adopt(
        self, operator: NamedDependency[Person], device_id: FromPath[UUID], data: JSONBody[AdoptIn]
    ) -> AdoptedOut:
        """The device joins a unit; its open alarms and later reports go there. Who did it stands in the ledger."""
        where = (data.unit, data.building, data.name, data.profile)
        await adopt_device(operator, DeviceId(device_id), *where, Via.API)
        return AdoptedOut(device_id, data.unit)


class Alarms(Controller):
    """Alarms and how their notices went."""

    path = "/api/v1/alarms"
    tags = ("operator",)

    @get()
    async def list_alarms(
        self,
        operator: NamedDependency[Person],
        which: FromQuery[Literal["active", "recent", "masked"]] = "active",
        limit: Annotated[int, QueryParameter(ge=1, le=_MOST)] = 100,
    ) -> list[Alarm]:
        """Those not closed, most urgent first; or the recent ones, newest first."""
        return await alarms_for(operator, which, limit)

    @get("/{alarm_id:uuid}")
    async def alarm(self, operator: NamedDependency[Person], alarm_id: FromPath[UUID]) -> Alarm:
        """One alarm as it stands."""
        return await alarm_for(operator, AlarmId(alarm_id))

    @get("/{alarm_id:uuid}/evidence")
    async def evidence(self, operator: NamedDependency[Person], alarm_id: FromPath[UUID]) -> list[Evidence]:
        """What was sent along with answers to it, with each file's SHA-256."""
        return list(await pieces_for(operator, AlarmId(alarm_id)))

    @get("/{alarm_id:uuid}/evidence/{piece:uuid}")
    async def piece(
        self, operator: NamedDependency[Person], alarm_id: FromPath[UUID], piece: FromPath[UUID]
    ) -> Response[bytes]:
        """A photo or a voice note, as it came."""
        found, octets = await piece_for(operator, AlarmId(alarm_id), EvidenceId(piece))
        return piece_response(found.media_type, octets)

    @get("/{alarm_id:uuid}/notices")
    async def notices(self, operator: NamedDependency[Person], alarm_id: FromPath[UUID]) -> list[Told]:
        """Each attempt with its stamps t0…t7 and whether the deadline held."""
        alarm = await alarm_for(operator, AlarmId(alarm_id))
        return await told_of(operator, [alarm.id])


class Links(Controller):
    """The devices' links and how available they were (CQC/SC 11002, 4.4.2)."""

    path = "/api/v1/links"
    tags = ("operator",)

    @get()
    async def links(
        self,
        operator: NamedDependency[Person],
        month: Annotated[str, QueryParameter(description="2026-11; empty: the present one")] = "",
        unit: Annotated[UUID | None, QueryParameter()] = None,
        after: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=_MOST)] = 100,
    ) -> list[LinkMonth]:
        """A month of each device: cycle, last contact, availability, every outage from its loss to its repair."""
        asked = month_asked(month)
        return await availability_for(operator, asked, unit=UnitId(unit) if unit else None, after=after, limit=limit)


class Contacts(Controller):
    """Ways to people, and whether they work."""

    path = "/api/v1/contacts"
    tags = ("operator",)

    @get("/failing")
    async def failing(self, operator: NamedDependency[Person]) -> list[Contact]:
        """The ways that fail, with the carrier's word, since when, and how often in a row."""
        return list(await failing_contacts(operator))

    @post("/{contact_id:uuid}/test", status_code=202)
    async def test(self, operator: NamedDependency[Person], contact_id: FromPath[UUID]) -> None:
        """A test card goes out by the real way; at most one a minute."""
        await try_contact(operator, ContactPointId(contact_id))


OPERATOR: Final = [Registry, Alarms, Masks, Windows, WorkOrders, Links, Contacts, Complaints, *DUTY]
