"""What a simulated device knows: the state of itself, its systems, components and analogs.

It is what the device reported last, so that what it answers to 61 to 64, 81 and 84 agrees with what it said.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects import facility, inquiries, uitd
from protocol_gateway.gb26875.tables import TypeFlag
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag

#: a state word with nothing but "normal" in it
NORMAL: Final = 1
_DESCRIPTION_SIZE: Final = 31
_VERSION: Final = (1, 0)
_DESCRIPTION: Final = "烽火模拟用户信息传输装置"

SystemKey: TypeAlias = tuple[int, int]
ComponentKey: TypeAlias = tuple[int, int, str]
Operation: TypeAlias = facility.FacilityOperation | uitd.UitdOperation


def wire_address(address: int | str) -> str:
    """A component address as its key: 8 hex digits in wire order, from the number or the digits."""
    return address if isinstance(address, str) else address.to_bytes(4, "little").hex()


def description(text: str) -> Text:
    """A part description, cut to its 31 octets without splitting a character."""
    while len(text.encode("gb18030")) > _DESCRIPTION_SIZE:
        text = text[:-1]
    return Text.of(text, _DESCRIPTION_SIZE)


class Facility:
    """The state words and values behind one device."""

    def __init__(self) -> None:
        self.uitd_state = NORMAL
        self.systems: dict[SystemKey, int] = {}
        self.components: dict[ComponentKey, tuple[int, int, str]] = {}  #: (type, state, text)
        self.analogs: dict[ComponentKey, tuple[int, int, int]] = {}  #: (type, quantity, raw)
        self.operations: deque[Operation] = deque(maxlen=inquiries.MAX_RECORDS)

    def answer(self, type_flag: int, objects: tuple[WireObject, ...], tag: TimeTag) -> tuple[WireObject, ...] | None:
        """The objects that answer a read; None for what this device does not support."""
        if type_flag in (TypeFlag.READ_OPERATIONS, TypeFlag.READ_UITD_OPERATIONS):
            return tuple(record for asked in objects for record in self._records(asked))
        answer = _ANSWERS.get(type_flag)
        return tuple(answer(self, asked, tag) for asked in objects) if answer else None

    def remembers(self, objects: Iterable[WireObject]) -> None:
        """Keep the operations among what the device reports, for who asks for its records later."""
        self.operations.extend(one for one in objects if isinstance(one, Operation))

    def _records(self, asked: Any) -> list[WireObject]:
        is_system = isinstance(asked, inquiries.ReadOperations)
        records: list[WireObject] = [
            one
            for one in self.operations
            if isinstance(one, facility.FacilityOperation) == is_system
            and _is_since(one, asked.from_time)
            and _is_of(one, asked)
        ]
        return records[-asked.records :] if asked.records else []

    def system_state(self, asked: inquiries.ReadSystem, tag: TimeTag) -> WireObject:
        """The answer to 61."""
        state = self.systems.get((asked.system_type, asked.system_address), NORMAL)
        return facility.SystemState(asked.system_type, asked.system_address, state, tag)

    def component_state(self, asked: inquiries.ReadComponent, tag: TimeTag) -> WireObject:
        """The answer to 62."""
        key = asked.system_type, asked.system_address, asked.component_address.hex
        kind, state, text = self.components.get(key, (0, NORMAL, ""))
        return facility.ComponentState(
            asked.system_type,
            asked.system_address,
            kind,
            asked.component_address,
            state,
            description(text),
            tag,
        )

    def analog_value(self, asked: inquiries.ReadComponent, tag: TimeTag) -> WireObject:
        """The answer to 63."""
        key = asked.system_type, asked.system_address, asked.component_address.hex
        kind, quantity, raw = self.analogs.get(key, (0, 0, 0))
        return facility.AnalogValue(
            asked.system_type, asked.system_address, kind, asked.component_address, quantity, raw, tag
        )


def _is_since(operation: Operation, since: TimeTag) -> bool:
    at = operation.operated_at.wall_clock if operation.operated_at else None
    return since.wall_clock is None or at is None or at >= since.wall_clock


def _is_of(operation: Operation, asked: Any) -> bool:
    if isinstance(operation, uitd.UitdOperation):
        return True
    return (operation.system_type, operation.system_address) == (asked.system_type, asked.system_address)


def _uitd_state(known: Facility, _: Any, tag: TimeTag) -> WireObject:
    return uitd.UitdState(known.uitd_state, tag)


def _software_version(_: Facility, asked: Any, __: TimeTag) -> WireObject:
    return facility.SoftwareVersion(asked.system_type, asked.system_address, *_VERSION)


def _configuration(_: Facility, asked: Any, __: TimeTag) -> WireObject:
    return facility.SystemConfiguration(asked.system_type, asked.system_address, Text.of(_DESCRIPTION))


def _component_configuration(known: Facility, asked: Any, _: TimeTag) -> WireObject:
    key = asked.system_type, asked.system_address, asked.component_address.hex
    kind, _state, text = known.components.get(key, (0, NORMAL, ""))
    address: ComponentAddress = asked.component_address
    return facility.ComponentConfiguration(asked.system_type, asked.system_address, kind, address, description(text))


def _system_clock(_: Facility, asked: Any, tag: TimeTag) -> WireObject:
    return facility.SystemClock(asked.system_type, asked.system_address, tag)


_ANSWERS: Final[Mapping[int, Callable[[Facility, Any, TimeTag], WireObject]]] = {
    TypeFlag.READ_SYSTEM_STATE: Facility.system_state,
    TypeFlag.READ_COMPONENT_STATE: Facility.component_state,
    TypeFlag.READ_ANALOG_VALUE: Facility.analog_value,
    TypeFlag.READ_SOFTWARE_VERSION: _software_version,
    TypeFlag.READ_SYSTEM_CONFIGURATION: _configuration,
    TypeFlag.READ_COMPONENT_CONFIGURATION: _component_configuration,
    TypeFlag.READ_SYSTEM_CLOCK: _system_clock,
    TypeFlag.READ_UITD_STATE: _uitd_state,
    TypeFlag.READ_UITD_VERSION: lambda _known, _asked, _tag: uitd.UitdVersion(*_VERSION),
    TypeFlag.READ_UITD_CONFIGURATION: lambda _known, _asked, _tag: uitd.UitdConfiguration(Text.of(_DESCRIPTION)),
    TypeFlag.READ_UITD_CLOCK: lambda _known, _asked, tag: uitd.UitdClock(tag),
}
