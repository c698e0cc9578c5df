"""Scenarios: what simulated devices do, as steps. A step is one act of one device; the fleet sets the pace.

The six items of CQC/SC 11002 4.3.2 are here by name: detector-fault (a), tank-level (b), low-pressure (c),
pump-manual (d), pump-power (e), hydrant-pressure (f). The points they speak of stand in `POINTS`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import count
from random import Random
from typing import Final, TypeAlias

import msgspec

from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.layouts import ComponentAddress
from protocol_gateway.gb26875.objects import facility
from protocol_gateway.gb26875.tables import ComponentType, SystemType, TypeFlag
from protocol_gateway.simulator.facility import NORMAL, description
from protocol_gateway.simulator.uitd import SimulatedUitd

Step: TypeAlias = Callable[[SimulatedUitd], None]
Steps: TypeAlias = Callable[[int, Random], Iterator[Step]]

FIRE: Final = NORMAL | 1 << 1
FAULT: Final = NORMAL | 1 << 2
STARTED: Final = NORMAL | 1 << 5
FEEDBACK: Final = NORMAL | 1 << 6
POWER_FAULT: Final = NORMAL | 1 << 8
MANUAL: Final = NORMAL | 1 << 11
RESET: Final = NORMAL | 1 << 13


class Point(msgspec.Struct, frozen=True):
    """A point of the simulated facility: its wire key, and for an analog its quantity."""

    system_type: int
    system_address: int
    component_type: int
    component_address: int
    text: str
    quantity: int = 0


POINTS: Final[Mapping[str, Point]] = {
    "detector": Point(SystemType.FIRE_ALARM, 1, ComponentType.SMOKE_DETECTOR, 0x0001_0001, "三层东走廊感烟"),
    "tank": Point(SystemType.HYDRANTS, 1, ComponentType.FIRE_WATER_TANK, 1, "屋顶消防水箱", 2),
    "worst-point": Point(SystemType.SPRINKLERS, 1, ComponentType.PRESSURE_SWITCH, 2, "最不利点末端", 5),
    "hydrant": Point(SystemType.HYDRANTS, 1, ComponentType.GENERAL, 3, "试验消火栓", 5),
    "pump": Point(SystemType.HYDRANTS, 1, ComponentType.FIRE_PUMP, 4, "消火栓泵控制柜"),
}
_STORM_DETECTORS: Final = 40


def says(point: Point, state: int) -> Step:
    """Report a component's state word."""

    def step(device: SimulatedUitd) -> None:
        address = ComponentAddress.of_int(point.component_address)
        key = point.system_type, point.system_address, address.hex
        device.facility.components[key] = (point.component_type, state, point.text)
        thing = facility.ComponentState(
            point.system_type,
            point.system_address,
            point.component_type,
            address,
            state,
            description(point.text),
            device.time_tag(),
        )
        device.send(encode_adu(TypeFlag.COMPONENT_STATE, (thing,)))

    return step


def says_system(system_type: int, state: int) -> Step:
    """Report a system's state word."""

    def step(device: SimulatedUitd) -> None:
        device.facility.systems[system_type, 1] = state
        thing = facility.SystemState(system_type, 1, state, device.time_tag())
        device.send(encode_adu(TypeFlag.SYSTEM_STATE, (thing,)))

    return step


def measures(point: Point, raw: int) -> Step:
    """Report an analog's raw value."""

    def step(device: SimulatedUitd) -> None:
        address = ComponentAddress.of_int(point.component_address)
        key = point.system_type, point.system_address, address.hex
        device.facility.analogs[key] = (point.component_type, point.quantity, raw)
        thing = facility.AnalogValue(
            point.system_type,
            point.system_address,
            point.component_type,
            address,
            point.quantity,
            raw,
            device.time_tag(),
        )
        device.send(encode_adu(TypeFlag.ANALOG_VALUE, (thing,)))

    return step


def beats(device: SimulatedUitd) -> None:
    """Send a heartbeat."""
    device.send(b"")


def rests(_: SimulatedUitd) -> None:
    """Do nothing for one step."""


def _normal(index: int, rng: Random) -> Iterator[Step]:
    for turn in count(index):
        if turn % 5 == 0:
            yield measures(POINTS["tank"], rng.randint(180, 220))
        elif turn % 5 == 1:
            yield measures(POINTS["hydrant"], rng.randint(3000, 3500))
        elif turn % 5 == 2:
            yield says(POINTS["detector"], NORMAL)
        else:
            yield beats


def _fire(_: int, rng: Random) -> Iterator[Step]:
    detector = POINTS["detector"]
    node = rng.randint(1, 200)
    yield says(msgspec.structs.replace(detector, component_address=node << 16 | 1), FIRE)


def _detector_fault(_: int, __: Random) -> Iterator[Step]:
    yield says(POINTS["detector"], FAULT)


def _tank_level(_: int, rng: Random) -> Iterator[Step]:
    yield measures(POINTS["tank"], 200)
    yield measures(POINTS["tank"], rng.randint(10, 40))


def _low_pressure(_: int, rng: Random) -> Iterator[Step]:
    yield measures(POINTS["worst-point"], 3000)
    yield measures(POINTS["worst-point"], rng.randint(50, 300))


def _hydrant_pressure(_: int, rng: Random) -> Iterator[Step]:
    yield measures(POINTS["hydrant"], 3000)
    yield measures(POINTS["hydrant"], rng.randint(50, 300))


def _pump_manual(_: int, __: Random) -> Iterator[Step]:
    yield says_system(SystemType.HYDRANTS, NORMAL)
    yield says_system(SystemType.HYDRANTS, MANUAL)


def _pump_power(_: int, __: Random) -> Iterator[Step]:
    yield says(POINTS["pump"], POWER_FAULT)


def _restoration(_: int, __: Random) -> Iterator[Step]:
    yield says(POINTS["detector"], FIRE)
    yield says(POINTS["pump"], POWER_FAULT)
    yield says(POINTS["pump"], NORMAL)
    yield says(POINTS["detector"], NORMAL)
    yield says_system(SystemType.FIRE_ALARM, RESET)


def _storm(index: int, rng: Random) -> Iterator[Step]:
    for turn in count(index):
        state = rng.choice((FIRE, FAULT, FEEDBACK, STARTED, NORMAL))
        node = turn % _STORM_DETECTORS + 1
        point = msgspec.structs.replace(POINTS["detector"], component_address=node << 16 | 1)
        yield says(point, state)


def _duplicate(index: int, rng: Random) -> Iterator[Step]:
    for step in _storm(index, rng):

        def twice(device: SimulatedUitd, step: Step = step) -> None:
            step(device)
            device.send_again(device.sendings[-1])

        yield twice


def _garbage(index: int, rng: Random) -> Iterator[Step]:
    def noise(device: SimulatedUitd) -> None:
        device.send_octets(rng.randbytes(rng.randint(1, 200)))

    for step in _normal(index, rng):
        yield noise
        yield step


def _split(index: int, rng: Random) -> Iterator[Step]:
    """A frame in two pieces, the second a step later."""
    for turn in count(index):
        piece: list[bytes] = []

        def begin(device: SimulatedUitd, piece: list[bytes] = piece, turn: int = turn) -> None:
            octets = device.frame(b"") if turn % 2 else device.frame(_normal_state(device))
            cut = rng.randint(1, len(octets) - 1)
            piece.append(octets[cut:])
            device.send_octets(octets[:cut])

        def end(device: SimulatedUitd, piece: list[bytes] = piece) -> None:
            device.send_octets(piece[0])

        yield begin
        yield end
        yield beats


def _normal_state(device: SimulatedUitd) -> bytes:
    thing = facility.SystemState(SystemType.FIRE_ALARM, 1, NORMAL, device.time_tag())
    return encode_adu(TypeFlag.SYSTEM_STATE, (thing,))


def _slow_loris(_: int, __: Random) -> Iterator[Step]:
    """One octet a step of frames that never end."""
    while True:
        frame: list[int] = []

        def begin(device: SimulatedUitd, frame: list[int] = frame) -> None:
            frame.extend(device.frame(_normal_state(device))[:-1])

        yield begin
        for at in range(len(_EMPTY_FRAME)):
            yield lambda device, at=at, frame=frame: device.send_octets(bytes((frame[at],)))  # type: ignore[misc]


_EMPTY_FRAME: Final = bytes(30)


def _wrong_checksum(index: int, rng: Random) -> Iterator[Step]:
    def damaged(device: SimulatedUitd) -> None:
        octets = device.frame(_normal_state(device))
        device.send_octets(octets[:-3] + bytes(((octets[-3] + 1) & 0xFF,)) + octets[-2:])

    for step in _normal(index, rng):
        yield damaged
        yield step


def _silent(_: int, __: Random) -> Iterator[Step]:
    yield beats
    while True:
        yield rests


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario: its steps by device, and how its devices behave. Endless ones need a duration."""

    steps: Steps
    is_endless: bool = False
    answers: bool = True
    clock_offset: timedelta = timedelta(0)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "normal": Scenario(steps=_normal, is_endless=True),
    "fire": Scenario(steps=_fire),
    "detector-fault": Scenario(steps=_detector_fault),
    "tank-level": Scenario(steps=_tank_level),
    "low-pressure": Scenario(steps=_low_pressure),
    "pump-manual": Scenario(steps=_pump_manual),
    "pump-power": Scenario(steps=_pump_power),
    "hydrant-pressure": Scenario(steps=_hydrant_pressure),
    "restoration": Scenario(steps=_restoration),
    "storm": Scenario(steps=_storm, is_endless=True),
    "duplicate": Scenario(steps=_duplicate, is_endless=True),
    "garbage": Scenario(steps=_garbage, is_endless=True),
    "split": Scenario(steps=_split, is_endless=True),
    "slow-loris": Scenario(steps=_slow_loris, is_endless=True),
    "wrong-checksum": Scenario(steps=_wrong_checksum, is_endless=True),
    "silent": Scenario(steps=_silent, is_endless=True, answers=False),
    "clock-off": Scenario(steps=_normal, is_endless=True, clock_offset=timedelta(hours=-7)),
}
