"""Many simulated devices at one pace: `fenghuo simulate` and the load of the benches.

With a rate the steps of all devices are spread evenly (an open loop: a slow centre does not slow them); with
rate 0 each device keeps a window of frames in flight (a closed loop: the most the centre takes).
"""

import asyncio
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import msgspec

from backend.core import clock
from backend.core.errors import BadInput
from protocol_gateway.simulator.scenarios import SCENARIOS, Scenario, Step
from protocol_gateway.simulator.uitd import SimulatedUitd
from protocol_gateway.simulator.wire import Sending

_PACE_S: Final = 0.01
_DEFAULT_DURATION_S: Final = 10.0
_DIALLING_AT_ONCE: Final = 100
_FIRST_ADDRESS: Final = 100_001
_MILLISECONDS: Final = 1000.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What `fenghuo simulate` takes. `rate`: steps a second of all devices together; 0: as fast as it goes.

    `duration_s`: for endless scenarios 10 s unless said; others end when all is confirmed or given up.
    `timeout_s` and `resends`: when and how often an unconfirmed frame is sent again.
    """

    host: str
    port: int
    scenario: str = "normal"
    devices: int = 1
    rate: float = 1.0
    seed: int = 0
    udp: bool = False
    duration_s: float | None = None
    timeout_s: float = 10.0
    resends: int = 3
    window: int = 32
    first_address: int = _FIRST_ADDRESS


class SimulationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. Latencies are from a frame's first sending to its confirm, in milliseconds."""

    scenario: str
    devices: int
    seconds: float
    sent: int
    confirmed: int
    denied: int
    unanswered: int
    resent: int
    requests: int
    connections: int
    confirm_p50_ms: float | None
    confirm_p99_ms: float | None
    confirm_max_ms: float | None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` of the sorted `values` lie; None of none."""
    if not values:
        return None
    return values[min(len(values) - 1, int(len(values) * share))]


class Fleet:
    """The devices of one simulation. Open it, run it, read its report."""

    def __init__(self, options: Options) -> None:
        scenario = SCENARIOS.get(options.scenario)
        if scenario is None:
            raise BadInput(f"没有这个场景: {options.scenario};可选: {'、'.join(SCENARIOS)}")
        if options.devices < 1 or options.rate < 0:
            raise BadInput("设备数至少为 1,速率不能为负数")
        self.options = options
        self.scenario: Scenario = scenario
        self.latencies: list[float] = []
        self.devices = [self._device(index) for index in range(options.devices)]
        self._steps: list[Iterator[Step] | None] = [
            scenario.steps(index, Random(f"{options.seed}/{index}"))  # noqa: S311 - drills, no secrets
            for index in range(options.devices)
        ]
        self._is_ended = False
        self._began = 0.0
        self._ended = 0.0

    async def connect(self) -> None:
        """Dial with all devices, some at a time. Raises OSError when nobody listens."""
        for at in range(0, len(self.devices), _DIALLING_AT_ONCE):
            await asyncio.gather(*(device.connect() for device in self.devices[at : at + _DIALLING_AT_ONCE]))

    async def run(self) -> None:
        """Play the scenario to its end."""
        self._began = clock.monotonic()
        duration = self.options.duration_s
        if duration is None and self.scenario.is_endless:
            duration = _DEFAULT_DURATION_S
        play = self._as_fast_as_it_goes() if self.options.rate == 0 else self._at_rate()
        try:
            await asyncio.wait_for(play, duration)
        except TimeoutError:
            self._is_ended = True
        await self._settle()
        self._ended = clock.monotonic()

    async def close(self) -> None:
        """Hang up."""
        await asyncio.gather(*(device.close() for device in self.devices))

    def report(self) -> SimulationReport:
        """What happened so far."""
        devices = self.devices
        ordered = sorted(self.latencies)
        shares = [percentile(ordered, share) for share in (0.5, 0.99, 1.0)]
        p50, p99, most = (None if one is None else round(one * _MILLISECONDS, 3) for one in shares)
        return SimulationReport(
            scenario=self.options.scenario,
            devices=len(devices),
            seconds=round((self._ended or clock.monotonic()) - self._began, 3),
            sent=sum(device.sent for device in devices),
            confirmed=sum(device.confirmed for device in devices),
            denied=sum(device.denied for device in devices),
            unanswered=sum(device.unanswered + device.in_flight for device in devices),
            resent=sum(device.resent for device in devices),
            requests=sum(len(device.requests) for device in devices),
            connections=sum(device.connections for device in devices),
            confirm_p50_ms=p50,
            confirm_p99_ms=p99,
            confirm_max_ms=most,
        )

    def _device(self, index: int) -> SimulatedUitd:
        options = self.options
        device = SimulatedUitd(
            options.first_address + index,
            (options.host, options.port),
            udp=options.udp,
            timeout_s=options.timeout_s,
            resends=options.resends,
            answers=self.scenario.answers,
            clock_offset=self.scenario.clock_offset,
        )
        device.on_confirmed = self._note
        return device

    def _note(self, sending: Sending) -> None:
        latency = sending.latency_s
        if latency is not None:
            self.latencies.append(latency)

    def _step(self, index: int) -> bool:
        """One step of a device; False when it has no more."""
        steps = self._steps[index]
        step = next(steps, None) if steps is not None else None
        if step is None:
            self._steps[index] = None
            return False
        step(self.devices[index])
        return True

    async def _at_rate(self) -> None:
        done, index = 0, 0
        while not self._is_ended and any(self._steps):
            due = int((clock.monotonic() - self._began) * self.options.rate) + 1
            while done < due and any(self._steps):
                index = (index + 1) % len(self.devices)
                done += self._step(index)
            await asyncio.sleep(_PACE_S)

    async def _as_fast_as_it_goes(self) -> None:
        for index, device in enumerate(self.devices):
            device.on_confirmed = lambda sending, index=index: self._on_confirmed(index, sending)
            self._fill(index)
        while any(self._steps):
            await asyncio.sleep(_PACE_S)
            for index, device in enumerate(self.devices):
                if not device.in_flight:
                    self._fill(index)

    def _on_confirmed(self, index: int, sending: Sending) -> None:
        self._note(sending)
        self._fill(index)

    def _fill(self, index: int) -> None:
        device = self.devices[index]
        for _ in range(self.options.window):
            if self._is_ended or device.in_flight >= self.options.window or not self._step(index):
                return

    async def _settle(self) -> None:
        """Wait for what is in flight, as long as the devices would."""
        self._is_ended = True
        await asyncio.gather(*(device.fate(sending) for device in self.devices for sending in tuple(device.waiting)))


async def simulate(options: Options) -> SimulationReport:
    """Run one simulation. Raises BadInput for a scenario nobody knows, OSError when nobody listens."""
    fleet = Fleet(options)
    try:
        await fleet.connect()
        await fleet.run()
    finally:
        await fleet.close()
    return fleet.report()
