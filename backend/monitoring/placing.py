"""A place that was told before this process knew the device's unit, brought up to what the registry knows now."""

from collections.abc import Sequence
from typing import Final

import msgspec

from backend.monitoring.changes import Change, Mark, Place
from backend.monitoring.model import Level, Subject
from backend.registry.directory import Directory
from backend.registry.places import Located, places_of

_OF_THE_REGISTRY: Final = frozenset({Mark.UNIDENTIFIED, Mark.UNKNOWN_POINT})


async def placed_now(changes: Sequence[Change], subjects: Sequence[Subject], directory: Directory) -> list[Change]:
    """`changes` with the registry's places where their device was adopted since the directory was read."""
    behind = [
        position
        for position, change in enumerate(changes)
        if change.standing and change.unit is not None and _is_behind(directory, change)
    ]
    now = list(changes)
    found = await places_of([(changes[position].device, subjects[position]) for position in behind])
    for position, at in zip(behind, found, strict=True):
        change, subject = changes[position], subjects[position]
        now[position] = msgspec.structs.replace(
            change, place=placed(change.place, subject, at), marks=marked(change.marks, subject, at)
        )
    return now


def _is_behind(directory: Directory, change: Change) -> bool:
    known = directory.device_by_id(change.device)
    return known is None or known.unit != change.unit


def placed(place: Place, subject: Subject, found: Located) -> Place:
    """`place` with the registry's words; what the panel itself said stays where the point table is silent."""
    at = found.place
    return msgspec.structs.replace(
        place,
        unit_name=at.unit_name,
        timezone=at.timezone,
        building=at.building,
        zone=at.zone,
        floor=at.floor,
        description=at.description or place.description,
        device_name=at.device_name,
        wire_key="" if at.description else place.wire_key,
        component_type=_component_type(place, subject, found),
        profile=found.profile,
    )


def marked(marks: tuple[str, ...], subject: Subject, found: Located) -> tuple[str, ...]:
    """`marks` with what the registry says of the device and the point now."""
    kept = tuple(mark for mark in marks if mark not in _OF_THE_REGISTRY)
    if found.unit is None:
        return (Mark.UNIDENTIFIED, *kept)
    is_unknown = subject.level is Level.COMPONENT and found.component_type is None
    return (Mark.UNKNOWN_POINT, *kept) if is_unknown else kept


def _component_type(place: Place, subject: Subject, found: Located) -> int | None:
    """The report's own word; an unspecific 0 or none gives way to the point table's."""
    if subject.level is Level.COMPONENT and not place.component_type:
        return found.component_type if found.component_type is not None else place.component_type
    return place.component_type
