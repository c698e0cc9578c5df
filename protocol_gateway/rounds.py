"""What is asked of a device: its states after a gap, and the rounds of its audit (GB/T 26875.3 extract, 13.4). Pure."""

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from typing import Final

from protocol_gateway.collaborators import Point
from protocol_gateway.downlink import Ask
from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects.inquiries import (
    MAX_RECORDS,
    ReadComponent,
    ReadOperations,
    ReadSystem,
    ReadUitd,
    ReadUitdOperations,
)
from protocol_gateway.gb26875.tables import TypeFlag
from protocol_gateway.gb26875.wall_clock import TimeTag

_UITD: Final = (ReadUitd(),)


class Topic(StrEnum):
    """What a round of the audit is about."""

    RECORDS = "records"  #: 操作信息: what was done while the link was lost (64, 84)
    INVENTORY = "inventory"  #: 软件版本, 配置情况: versions and configurations (65, 66, 67, 85, 86)
    CLOCKS = "clocks"  #: 系统时间: what the device's clocks show (68, 88)


def states_to_ask(points: Sequence[Point]) -> Iterator[Ask]:
    """What to ask after a gap: the UITD itself, each registered system, component and analog (81, 61, 62, 63)."""
    yield Ask(TypeFlag.READ_UITD_STATE, _UITD)
    yield from _in_frames(TypeFlag.READ_SYSTEM_STATE, [ReadSystem(*one) for one in _systems(points)])
    states = [_read(one) for one in points if one.quantity is None]
    yield from _in_frames(TypeFlag.READ_COMPONENT_STATE, states)
    analogs = [_read(one) for one in points if one.quantity is not None]
    yield from _in_frames(TypeFlag.READ_ANALOG_VALUE, analogs)


def audit_to_ask(topics: Collection[Topic], points: Sequence[Point], since: TimeTag | None) -> Iterator[Ask]:
    """What the audit asks of a device with these points; `since` is the last known time, for its records."""
    if Topic.RECORDS in topics and since is not None:
        yield from _records(points, since)
    if Topic.INVENTORY in topics:
        yield from _inventory(points)
    if Topic.CLOCKS in topics:
        yield Ask(TypeFlag.READ_UITD_CLOCK, _UITD)
        yield from _each_system(TypeFlag.READ_SYSTEM_CLOCK, points)


def _records(points: Sequence[Point], since: TimeTag) -> Iterator[Ask]:
    yield Ask(TypeFlag.READ_UITD_OPERATIONS, (ReadUitdOperations(MAX_RECORDS, since),))
    for system in _systems(points):
        yield Ask(TypeFlag.READ_OPERATIONS, (ReadOperations(*system, MAX_RECORDS, since),))


def _inventory(points: Sequence[Point]) -> Iterator[Ask]:
    yield Ask(TypeFlag.READ_UITD_VERSION, _UITD)
    yield Ask(TypeFlag.READ_UITD_CONFIGURATION, _UITD)
    yield from _each_system(TypeFlag.READ_SOFTWARE_VERSION, points)
    yield from _each_system(TypeFlag.READ_SYSTEM_CONFIGURATION, points)
    # A component may have a state and several analogs; its configuration is one.
    components = dict.fromkeys(_read(one) for one in points)
    yield from _in_frames(TypeFlag.READ_COMPONENT_CONFIGURATION, list(components))


def _each_system(type_flag: TypeFlag, points: Sequence[Point]) -> Iterator[Ask]:
    return _in_frames(type_flag, [ReadSystem(*one) for one in _systems(points)])


def _systems(points: Sequence[Point]) -> list[tuple[int, int]]:
    return sorted({(one.system_type, one.system_address) for one in points})


def _read(point: Point) -> WireObject:
    address = ComponentAddress(bytes.fromhex(point.component_address))
    return ReadComponent(point.system_type, point.system_address, address)


def _in_frames(type_flag: TypeFlag, objects: Sequence[WireObject]) -> Iterator[Ask]:
    for at in range(0, len(objects), type_flag.max_objects):
        yield Ask(type_flag, objects[at : at + type_flag.max_objects])
