"""The duty desk (值班台) at `/`: every open alarm, how its notices went, and devices that wait to be adopted."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from backend.alarms.glance import glance
from backend.alarms.handing_over import adopt_device as hand_to_unit
from backend.console.lines import lines_of
from backend.console.pages import channel_words, draw, draw_refusal
from backend.console.phone import MOST_AFTER, WAYS, alarm_page, frame, pages_of, to_the_door
from backend.console.queries import ailing_vendors, missing_processes
from backend.core.errors import NotAllowed, NotSignedIn, Refused
from backend.core.i18n import N_
from backend.core.ids import AlarmId, DeviceId
from backend.core.settings import Settings
from backend.core.vocabulary import Severity, Via
from backend.delivery.going_live import lacking_for
from backend.delivery.queries import Told, told_of
from backend.people.contacts import failing_contacts
from backend.people.model import Person, Right
from backend.registry.model import PROFILES
from backend.registry.queries import unidentified_devices
from backend.rota.queries import first_gaps, open_gaps_for

_MOST_WARNINGS: Final = 5


class AdoptIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an unidentified device belongs."""

    unit: str
    building: str
    name: str
    profile: str


def _by_alarm(told: Iterable[Told]) -> dict[UUID, list[Told]]:
    """The lamps of each alarm: of a person and way that were told again, the latest."""
    found: dict[UUID, dict[tuple[UUID, str, str], Told]] = {}
    for each in told:
        found.setdefault(each.alarm, {}).setdefault((each.notice, each.person, each.channel), each)
    return {alarm: list(lamps.values()) for alarm, lamps in found.items()}


class DeskPages(Controller):
    """What the provider's people see on a PC."""

    path = "/"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def desk(
        self,
        *,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        which: FromQuery[str] = WAYS[0],
        after: FromQuery[int] = 0,
        led_by: FromQuery[UUID | None] = None,
    ) -> Response[str]:
        """The queue, fire first; only for the provider's people."""
        if not person.is_provider:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
        which = which if which in WAYS else WAYS[0]
        after = max(0, min(after, MOST_AFTER))
        leader = AlarmId(led_by) if led_by else None
        is_open = which == WAYS[0]
        lines = await lines_of(person, which, after=after, led_by=leader)
        may_adopt = person.may(Right.ADOPT, None)
        strangers = await unidentified_devices(person) if may_adopt else ()
        values: dict[str, Any] = {
            "glance": await glance(person),
            "severities": list(Severity),
            "lines": lines,
            "which": which,
            **pages_of(lines, after, leader, is_open=is_open),
            "lights": _by_alarm(await told_of(person, [line.id for line in lines])),
            "unidentified": strangers,
            "strangers": {device.id: device.address for device in strangers},
            "profiles": PROFILES,
            "sees_complaints": person.may(Right.HANDLE_COMPLAINTS, None),
            "missing": await missing_processes(person.language),
            "ailing": await ailing_vendors(person.language),
            "failing": await failing_contacts(person),
            "channels": channel_words(person.language),
            "gaps": first_gaps(await open_gaps_for(person)),
            "lacking": (await lacking_for(person))[:_MOST_WARNINGS],
        }
        return draw("desk.html", **await frame(person, settings, is_demo=is_demo), **values)

    @get("/alarms/{alarm_id:uuid}")
    async def alarm(
        self,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        alarm_id: FromPath[UUID],
    ) -> Response[str]:
        """One alarm with its story and the buttons; only for the provider's people."""
        if not person.is_provider:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
        return await alarm_page(person, settings, AlarmId(alarm_id), is_demo=is_demo, seat="desk")


@post("/desk/devices/{device_id:uuid}/adoption", status_code=200, include_in_schema=False)
async def adopt_device(
    person: NamedDependency[Person], device_id: FromPath[UUID], data: JSONBody[AdoptIn]
) -> dict[str, bool]:
    """The device joins a unit; its open alarms and later reports go there. Who did it stands in the ledger."""
    where = (data.unit, data.building, data.name, data.profile)
    await hand_to_unit(person, DeviceId(device_id), *where, Via.CONSOLE)
    return {"adopted": True}
