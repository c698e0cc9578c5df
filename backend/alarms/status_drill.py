"""Going down in a chat: building → system → component, its last values with their times, a day as a picture."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.masks.card import PART as MASK_PART
from backend.alarms.masks.queries import masks_on_device
from backend.alarms.status_keys import Part, part_of
from backend.alarms.status_words import building_lines, component_lines, icon, system_lines
from backend.chat.model import Key, Picture, Said, Saying, Speaker
from backend.core import clock
from backend.core.errors import NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import BuildingId, DeviceId, UnitId
from backend.monitoring.chart import Chart, draw_chart
from backend.monitoring.facilities import BuildingNow, ComponentNow, DeviceNow, SystemNow, UnitNow
from backend.monitoring.history import history_for
from backend.monitoring.place_search import Spot, SpotKind, find_places, system_label
from backend.monitoring.queries import facilities_for
from backend.people.model import Person, Right
from backend.registry.queries import building_for, unit_for

LOOKED_BACK: Final = timedelta(hours=24)
_DEVICES: Final = 50
_A_PAGE: Final = 10
_A_ROW: Final = 2
_LONGEST_LABEL: Final = 40
#: keys under one building; a chat draws a hundred at the most
_MOST_SYSTEMS: Final = 48
_WELL: Final = frozenset({"well", "silent"})


class _Behind(msgspec.Struct, frozen=True, kw_only=True):
    """A device with the unit and building it belongs to."""

    unit: UnitNow
    building: BuildingNow
    device: DeviceNow

    @property
    def place(self) -> str:
        return " ".join(part for part in (self.unit.name, self.building.name) if part)


def rows_of(keys: Sequence[Key], in_a_row: int = _A_ROW) -> tuple[tuple[Key, ...], ...]:
    """Keys in rows; a long one stands alone."""
    rows: list[list[Key]] = []
    for key in keys:
        is_long = len(key.label) > _LONGEST_LABEL // in_a_row
        fits = (
            rows and len(rows[-1]) < in_a_row and not is_long and len(rows[-1][-1].label) <= _LONGEST_LABEL // in_a_row
        )
        rows[-1].append(key) if fits else rows.append([key])
    return tuple(tuple(row) for row in rows)


def key_of(spot: Spot) -> Key:
    """The key that leads to a spot."""
    label = f"{icon(spot.tone)} {spot.label}"[:_LONGEST_LABEL] if spot.tone else spot.label[:_LONGEST_LABEL]
    if spot.kind is SpotKind.UNIT:
        return Key(label, "st", spot.unit)
    if spot.kind is SpotKind.BUILDING:
        return Key(label, "st-bld", spot.building)
    verb = "st-cmp" if spot.kind is SpotKind.COMPONENT else "st-sys"
    return Key(label, verb, spot.device, Part(system=spot.system, component=spot.component).packed())


def keys_of(speaker: Speaker, ways: Iterable[tuple[str, str, UUID | None, str]]) -> tuple[tuple[Key, ...], ...]:
    """One row of keys from (label, verb, about, argument)."""
    return (tuple(Key(translate(label, speaker.language), *way) for label, *way in ways),)  # type: ignore[arg-type]


def _in_group(speaker: Speaker, unit: UUID | None) -> None:
    """A unit's group hears of that unit alone, whatever else its member may see. Raises `NotFound`."""
    if speaker.group_unit is not None and unit != speaker.group_unit:
        raise NotFound(N_("没有找到"))


async def building_saying(speaker: Speaker, building: BuildingId, *, in_place: bool = False) -> Saying:
    """A building: its devices and systems, or what others' devices watch there. Raises `NotFound`."""
    try:
        (unit,) = await facilities_for(speaker.person, building=building, limit=_DEVICES)
    except NotFound:
        return await _without_devices(speaker, building, in_place=in_place)
    _in_group(speaker, unit.id)
    return _building_saying(speaker, unit, unit.buildings[0], in_place=in_place)


def _building_saying(speaker: Speaker, unit: UnitNow, here: BuildingNow, *, in_place: bool) -> Saying:
    keys = _system_keys(here.devices)
    lines = list(building_lines(unit.name, here, speaker.language))
    if len(keys) > _MOST_SYSTEMS:
        lines.append(translate(N_("只列出前 {count} 处，请再说得具体些"), speaker.language, count=_MOST_SYSTEMS))
    return Saying(lines=tuple(lines), keys=(*rows_of(keys[:_MOST_SYSTEMS]), *_up(speaker, unit.id)), in_place=in_place)


async def _without_devices(speaker: Speaker, building: BuildingId, *, in_place: bool) -> Saying:
    """A building that other buildings' devices watch, or none: its points by the zones they are in."""
    here = await building_for(speaker.person, building)
    _in_group(speaker, here.unit)
    found = await find_places(speaker.person, here.name, here.unit)
    spots = [each for each in found.spots if each.kind is SpotKind.COMPONENT][:_MOST_SYSTEMS]
    sentence = N_("此建筑由其他建筑的装置监测：") if spots else N_("此建筑还没有登记设施")
    unit = await unit_for(speaker.person, here.unit)
    return Saying(
        lines=(f"{unit.name} · {here.name}", translate(sentence, speaker.language)),
        keys=(*rows_of([key_of(each) for each in spots]), *_up(speaker, here.unit)),
        in_place=in_place,
    )


async def device_saying(speaker: Speaker, device: DeviceId) -> Saying:
    """One device of a unit whose building is not known. Raises `NotFound`."""
    behind = await _behind(speaker, device)
    here = BuildingNow(id=behind.building.id, name=behind.building.name, devices=(behind.device,))
    return _building_saying(speaker, behind.unit, here, in_place=True)


def _system_keys(devices: Sequence[DeviceNow]) -> list[Key]:
    """Keys of all systems, what is amiss first."""
    pairs = [(device, system) for device in devices for system in device.systems]
    return [
        Key(
            f"{icon(system.tone)} {system_label(system)}"[:_LONGEST_LABEL],
            "st-sys",
            device.id,
            Part(system=(system.system_type, system.system_address)).packed(),
        )
        for device, system in sorted(pairs, key=lambda pair: pair[1].tone in _WELL)
    ]


def _up(speaker: Speaker, unit: UUID | None) -> tuple[tuple[Key, ...], ...]:
    return keys_of(speaker, [(N_("返回单位"), "st", unit, "")])


async def system_saying(speaker: Speaker, device: DeviceId, part: Part, *, in_place: bool = False) -> Saying:
    """A system: its components, what is amiss first, a page at a time. Raises `NotFound`."""
    behind = await _behind(speaker, device)
    system = _system(behind.device, part)
    parts = sorted(system.components, key=lambda each: each.tone in _WELL)
    page = min(part.page, max(0, (len(parts) - 1) // _A_PAGE))
    shown = parts[page * _A_PAGE : (page + 1) * _A_PAGE]
    keys = [_component_key(behind, system, each) for each in shown]
    return Saying(
        lines=tuple(system_lines(behind.place, system, speaker.language)),
        keys=(*rows_of(keys), *_pages(speaker, device, part, page, len(parts)), *_above(speaker, behind)),
        in_place=in_place,
    )


def _component_key(behind: _Behind, system: SystemNow, each: ComponentNow) -> Key:
    label = f"{icon(each.tone)} {each.description or f'{each.type_name} {each.number}'}"[:_LONGEST_LABEL]
    part = Part(system=(system.system_type, system.system_address), component=each.address)
    return Key(label, "st-cmp", behind.device.id, part.packed())


def _pages(speaker: Speaker, device: DeviceId, part: Part, page: int, count: int) -> tuple[tuple[Key, ...], ...]:
    """To the pages before and after, where there are any."""
    others = ((N_("上一页"), page - 1), (N_("下一页"), page + 1))
    ways = [
        (label, "st-sys", device, Part(system=part.system, page=to).packed())
        for label, to in others
        if 0 <= to <= (count - 1) // _A_PAGE
    ]
    return keys_of(speaker, ways) if ways else ()


def _above(speaker: Speaker, behind: _Behind) -> tuple[tuple[Key, ...], ...]:
    if behind.building.id is None:
        return keys_of(speaker, [(N_("返回装置"), "st-dev", behind.device.id, "")])
    return keys_of(speaker, [(N_("返回建筑"), "st-bld", behind.building.id, "")])


async def component_saying(speaker: Speaker, device: DeviceId, part: Part) -> Saying:
    """A component: its words, values and times, its mask, and a day of a value as a picture. Raises `NotFound`."""
    behind = await _behind(speaker, device)
    component = next((each for each in _system(behind.device, part).components if each.address == part.component), None)
    if component is None:
        raise NotFound(N_("没有找到"))
    lines = list(component_lines(behind.place, component, speaker.language))
    if (until := await _masked_until(speaker.person, device, part)) is not None:
        lines.append("🔕 " + translate(N_("屏蔽至 {time}"), speaker.language, time=until))
    shown = part.quantity if part.quantity is not None else _first_measured(component)
    picture = None
    if shown is not None:
        part = msgspec.structs.replace(part, quantity=shown)
        octets = await chart_of(speaker.person, behind.unit.timezone, device, part, component)
        picture = Picture(octets=octets, name="chart.png") if octets else None
        lines.append(translate(N_("近24小时趋势") if octets else N_("近24小时没有记录"), speaker.language))
    others = [each for each in component.values if each.quantity != shown and each.received_at]
    keys = [
        Key(each.name, "st-cmp", device, msgspec.structs.replace(part, quantity=each.quantity).packed())
        for each in others
    ]
    ways: list[tuple[str, str, UUID | None, str]] = []
    if behind.unit.id is not None and speaker.person.may(Right.MASK, UnitId(behind.unit.id)):
        ways.append((N_("申请屏蔽"), MASK_PART, device, Part(system=part.system, component=part.component).packed()))
    ways.append((N_("返回系统"), "st-sys", device, Part(system=part.system).packed()))
    return Saying(lines=tuple(lines), keys=(*rows_of(keys), *keys_of(speaker, ways)), picture=picture)


def _first_measured(component: ComponentNow) -> int | None:
    return next((each.quantity for each in component.values if each.received_at), None)


async def _masked_until(person: Person, device: DeviceId, part: Part) -> str | None:
    masks = await masks_on_device(person, device)
    system = f"{part.system[0]}.{part.system[1]}"
    mask = masks.get(f"{system}/{part.component}") or masks.get(system) or masks.get("")
    if mask is None:
        return None
    (unit,) = await facilities_for(person, device=device)
    return clock.in_zone(mask.until_at, unit.timezone).strftime("%m-%d %H:%M")


async def chart_of(
    person: Person, timezone: str, device: DeviceId, part: Part, component: ComponentNow
) -> bytes | None:
    """A day of a component's quantity as a PNG; None when nothing was written down. Pages and chats show this one."""
    until = clock.now()
    value = next((each for each in component.values if each.quantity == part.quantity), None)
    if value is None:
        return None
    samples = await history_for(person, device, part.subject, value.quantity, since=until - LOOKED_BACK, until=until)
    if not samples:
        return None
    chart = Chart(
        samples=tuple(samples),
        since=until - LOOKED_BACK,
        until=until,
        timezone=timezone,
        measure=value.measure,
        low=value.low,
        high=value.high,
    )
    return await asyncio.to_thread(draw_chart, chart)


async def chart_for(person: Person, device: DeviceId, part: Part) -> bytes:
    """The chart by its keys, for pages. Raises `NotFound`, also when nothing was written down."""
    (unit,) = await facilities_for(person, device=device)
    system = _system(unit.buildings[0].devices[0], part)
    component = next((each for each in system.components if each.address == part.component), None)
    octets = await chart_of(person, unit.timezone, device, part, component) if component else None
    if octets is None:
        raise NotFound(N_("没有找到"))
    return octets


async def _behind(speaker: Speaker, device: DeviceId) -> _Behind:
    (unit,) = await facilities_for(speaker.person, device=device)
    _in_group(speaker, unit.id)
    building = unit.buildings[0]
    return _Behind(unit=unit, building=building, device=building.devices[0])


def _system(device: DeviceNow, part: Part) -> SystemNow:
    found = next((each for each in device.systems if (each.system_type, each.system_address) == part.system), None)
    if found is None:
        raise NotFound(N_("没有找到"))
    return found


def _about(about: UUID | None) -> UUID:
    if about is None:
        raise NotFound(N_("没有找到"))
    return about


async def _press_building(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await building_saying(speaker, BuildingId(_about(about)), in_place=True)


async def _press_device(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await device_saying(speaker, DeviceId(_about(about)))


async def _press_system(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    return await system_saying(speaker, DeviceId(_about(about)), part_of(argument), in_place=True)


async def _press_component(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    return await component_saying(speaker, DeviceId(_about(about)), part_of(argument))


DRILL_PRESSES: Final[Mapping[str, Callable[[Speaker, UUID | None, str], Awaitable[Said]]]] = {
    "st-bld": _press_building,
    "st-dev": _press_device,
    "st-sys": _press_system,
    "st-cmp": _press_component,
}
