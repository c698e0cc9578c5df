"""Finding what somebody means by a few words among what they may see: a unit, a building, a system, a component.

The rule: the widest thing that all words name is meant; several of one kind are all answered, for the person to choose;
nothing is guessed.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from backend.core.errors import NotFound
from backend.core.i18n import LANGUAGES, translate
from backend.core.ids import UnitId
from backend.monitoring.facilities import BuildingNow, ComponentNow, DeviceNow, SystemNow, UnitNow
from backend.monitoring.place_words import all_in, as_building, is_in, name_of, words
from backend.monitoring.queries import facilities_for
from backend.monitoring.words import component_type_name, quantity_name, system_type_name
from backend.people.model import Person
from backend.registry.model import COMPONENT_ROLE_LABELS, ComponentRole, Unit
from backend.registry.queries import units_for

#: who sees more units than this says which one is meant
MOST_UNITS: Final = 5
_DEVICES: Final = 200
#: of a whole letter nothing is looked for word by word
_MOST_WORDS: Final = 5


class SpotKind(StrEnum):
    """How wide a spot is."""

    UNIT = "unit"
    BUILDING = "building"
    SYSTEM = "system"
    COMPONENT = "component"


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place or a thing that words can name, with the way to it."""

    kind: SpotKind
    label: str
    tone: str = ""
    unit: UUID | None = None
    building: UUID | None = None
    device: UUID | None = None
    system: tuple[int, int] = (0, 0)
    component: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What words came to: the spots they name (all of one kind); or none, and what there is to name instead."""

    spots: tuple[Spot, ...] = ()
    there_is: tuple[Spot, ...] = ()
    is_unit_asked: bool = False  #: too many units: which one is meant must be said first


async def find_places(person: Person, text: str, unit: UnitId | None = None) -> Found:
    """The spots that `text` names among the person's units, or in `unit` alone."""
    units = [each for each in await units_for(person) if unit is None or each.id == unit]
    wanted = words(text)
    named, rest = units_named(units, wanted)
    if not rest:
        return Found(spots=tuple(_unit_spot(each) for each in named))
    if len(named) > MOST_UNITS:
        return Found(there_is=tuple(_unit_spot(each) for each in named), is_unit_asked=True)
    trees = [tree for each in named for tree in await _tree(person, each.id)]
    if spots := spots_named(trees, rest, person.language):
        return Found(spots=_told_apart(spots, named))
    if len(named) == 1 and (fewer := _without_name(named[0], rest)) != rest:
        own = Found(spots=(_unit_spot(named[0]),))
        return await find_places(person, " ".join(fewer), named[0].id) if fewer else own
    nearly = _nearly(trees, rest, person.language)
    return Found(there_is=_told_apart(nearly or list(_what_there_is(trees)), named))


def _without_name(unit: Unit, wanted: Sequence[str]) -> list[str]:
    """The words that are no part of the unit's own name."""
    own = name_of(unit.name, unit.code)
    return [word for word in wanted if not is_in(word, own)]


def _nearly(trees: Sequence[UnitNow], wanted: Sequence[str], language: str) -> list[Spot]:
    """What all words but one name, the narrowest first: there is no tank in building 2, but in building 1 there is."""
    found = [
        spot
        for at in range(len(wanted))
        if 1 < len(wanted) <= _MOST_WORDS
        for spot in spots_named(trees, [*wanted[:at], *wanted[at + 1 :]], language)
    ]
    return sorted(dict.fromkeys(found), key=lambda spot: list(SpotKind).index(spot.kind), reverse=True)


def _told_apart(spots: Sequence[Spot], units: Sequence[Unit]) -> tuple[Spot, ...]:
    """Of several units each says whose it is: every one of them may have a 1号楼."""
    if len({each.unit for each in spots}) < 2:
        return tuple(spots)
    names = {each.id: each.name for each in units}
    return tuple(msgspec.structs.replace(each, label=f"{names[UnitId(each.unit)]} · {each.label}")
                 if each.unit else each for each in spots)  # fmt: skip


def units_named(units: Sequence[Unit], wanted: Sequence[str]) -> tuple[list[Unit], list[str]]:
    """The units that some of the words name, and the other words; all units when none is named."""
    if len(units) < 2:
        return list(units), [word for word in wanted if not any(name_of(each.name) == word for each in units)]
    for word in wanted:
        named = [each for each in units if is_in(word, name_of(each.name, each.code))]
        if 0 < len(named) < len(units):
            return named, [each for each in wanted if each != word]
    return list(units), list(wanted)


async def _tree(person: Person, unit: UnitId) -> list[UnitNow]:
    try:
        return await facilities_for(person, unit=unit, limit=_DEVICES)
    except NotFound:
        return []  # a unit without devices


def spots_named(trees: Sequence[UnitNow], wanted: Sequence[str], language: str) -> list[Spot]:
    """The widest things whose names hold all words; first those whose shown name does, not their zone's. Pure."""
    names = [name_of(building.name) for tree in trees for building in tree.buildings]
    asked = [as_building(word, names) for word in wanted]
    for look in (_buildings, _systems, _components):
        found = [spot for spot, name in look(trees, language) if all_in(asked, name)]
        if found:
            return sorted(found, key=lambda spot: not all_in(asked, name_of(spot.label)))
    return []


def _buildings(trees: Sequence[UnitNow], _: str) -> Iterator[tuple[Spot, str]]:
    for tree in trees:
        for building in tree.buildings:
            if building.id is not None:
                yield _building_spot(tree, building), name_of(building.name)


def _systems(trees: Sequence[UnitNow], language: str) -> Iterator[tuple[Spot, str]]:
    for tree, building, device, system in _each_system(trees):
        yield _system_spot(tree, building, device, system), _system_name(building, device, system, language)


def _components(trees: Sequence[UnitNow], language: str) -> Iterator[tuple[Spot, str]]:
    for tree, building, device, system in _each_system(trees):
        above = _system_name(building, device, system, language)
        for part in system.components:
            name = "\n".join((above, _component_name(device, part, language)))
            yield component_spot(tree, building, device, system, part), name


def _each_system(trees: Sequence[UnitNow]) -> Iterator[tuple[UnitNow, BuildingNow, DeviceNow, SystemNow]]:
    for tree in trees:
        for building in tree.buildings:
            for device in building.devices:
                for system in device.systems:
                    yield tree, building, device, system


def _system_name(building: BuildingNow, device: DeviceNow, system: SystemNow, language: str) -> str:
    types = (system_type_name(system.system_type, each, device.profile) for each in _spoken(language))
    return name_of(building.name, system.name, *types)


def _component_name(device: DeviceNow, part: ComponentNow, language: str) -> str:
    names = [part.description, part.zone, str(part.number)]
    for each in _spoken(language):
        names.append(component_type_name(part.component_type, each, device.profile))
        names += [quantity_name(value.quantity, each, device.profile) for value in part.values]
        if part.role:
            names.append(translate(COMPONENT_ROLE_LABELS[ComponentRole(part.role)], each))
    return name_of(*names)


def _spoken(language: str) -> tuple[str, ...]:
    """A person may ask in their own language or in Chinese, which is what signs and panels say."""
    return tuple(dict.fromkeys((language, *LANGUAGES)))


def _what_there_is(trees: Sequence[UnitNow]) -> Iterator[Spot]:
    for tree in trees:
        for building in tree.buildings:
            if building.id is not None:
                yield _building_spot(tree, building)
        for _, building, device, system in _each_system([tree]):
            yield _system_spot(tree, building, device, system)


def _unit_spot(unit: Unit) -> Spot:
    return Spot(kind=SpotKind.UNIT, label=unit.name, unit=unit.id)


def _building_spot(tree: UnitNow, building: BuildingNow) -> Spot:
    return Spot(kind=SpotKind.BUILDING, label=building.name, unit=tree.id, building=building.id)


def _system_spot(tree: UnitNow, building: BuildingNow, device: DeviceNow, system: SystemNow) -> Spot:
    return Spot(
        kind=SpotKind.SYSTEM,
        label=" · ".join((building.name, system_label(system))),
        tone=system.tone,
        unit=tree.id,
        building=building.id,
        device=device.id,
        system=(system.system_type, system.system_address),
    )


def system_label(system: SystemNow) -> str:
    """A system as it is chosen: its kind, its address, and its own name."""
    own = system.name if system.name != system.type_name else ""
    return " ".join(part for part in (f"{system.type_name} {system.system_address}", own) if part)


def component_spot(
    tree: UnitNow, building: BuildingNow, device: DeviceNow, system: SystemNow, part: ComponentNow
) -> Spot:
    """A component as it is chosen."""
    own = part.description or f"{part.type_name} {part.number}"
    return Spot(
        kind=SpotKind.COMPONENT,
        label=" · ".join(each for each in (building.name, own) if each),
        tone=part.tone,
        unit=tree.id,
        building=building.id,
        device=device.id,
        system=(system.system_type, system.system_address),
        component=part.address,
    )
