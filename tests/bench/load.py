"""The load generator, a process of its own: a Plan as JSON on its input, an Outcome as JSON on its output.

Lean on purpose: it shares the machine with what it measures. It only counts confirms and notes their times.
`window` keeps that many frames of each connection unconfirmed; `rate` sends so many a second, come what may.
"""

import asyncio
import sys
import time
from itertools import count
from typing import Any

import msgspec
import uvloop

from tests.bench.figures import Latency, latency_of
from tests.bench.frames import FAULT, FIRE, Template, normal_templates, tagged_template

_TICK_S = 0.001
_DRAIN_S = 15.0
_MIN_FRAME = 30
_CONFIRM = 3
_STATES = {"fire": FIRE, "fault": FAULT}


class Plan(msgspec.Struct, kw_only=True):
    """What to send. `times_to` names a file that gets, by tag, when each tagged fire was written to its socket."""

    port: int
    addresses: list[str]
    kind: str  #: normal, fire, fault
    seconds: float
    warm_up: float = 0.0
    window: int = 0
    rate: float = 0.0
    burst: int = 1  #: frames a connection sends in one write when `rate` is set
    first_tag: int = 1
    times_to: str = ""


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it; `rate` counts confirms after the warm-up."""

    sent: int
    confirmed: int
    rate: float
    latency: Latency
    late_ms: float  #: the longest the generator itself fell behind its schedule
    cpu_seconds: float
    seconds: float


class Peer(asyncio.Protocol):
    """One device: sends, and counts confirms."""

    def __init__(self, run: "Run", address: str) -> None:
        self.run = run
        self.serial = 0
        self.sent_at: dict[int, float] = {}
        self.templates: list[Template] = normal_templates(address)
        self.tagged = tagged_template(address, _STATES.get(run.plan.kind, FIRE))
        self.kept = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        octets = self.kept + data if self.kept else data
        now, at, confirms = time.monotonic(), 0, 0
        while len(octets) - at >= _MIN_FRAME:
            size = _MIN_FRAME + octets[at + 24] + (octets[at + 25] << 8)
            if len(octets) - at < size:
                break
            if octets[at + 26] == _CONFIRM:
                confirms += 1
                self.run.confirmed(self.sent_at.pop(octets[at + 2] | octets[at + 3] << 8, now), now)
            at += size
        self.kept = octets[at:]
        if confirms and self.run.plan.window and self.run.is_on:
            self.send(confirms)

    def send(self, frames: int) -> None:
        run, now = self.run, time.monotonic()
        octets = []
        for _ in range(frames):
            self.serial = serial = (self.serial + 1) & 0xFFFF
            self.sent_at[serial] = now
            if run.is_tagged:
                tag = next(run.tags)
                octets.append(self.tagged.tagged(serial, tag))
                run.tag_times.append((tag, now))
            else:
                octets.append(self.templates[serial % len(self.templates)].numbered(serial))
        run.sent += frames
        self.transport.write(octets[0] if frames == 1 else b"".join(octets))


class Run:
    """One plan carried out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.is_tagged = plan.kind in _STATES
        self.is_on = True
        self.tags = count(plan.first_tag)
        self.tag_times: list[tuple[int, float]] = []
        self.sent = self.total = self.counted = 0
        self.counts_from = self.counts_to = float("inf")
        self.latencies: list[float] = []
        self.late = 0.0

    def confirmed(self, sent_at: float, now: float) -> None:
        self.total += 1
        if sent_at >= self.counts_from:
            self.latencies.append(now - sent_at)
        if self.counts_from <= now <= self.counts_to:
            self.counted += 1

    async def run(self) -> Outcome:
        loop, plan = asyncio.get_running_loop(), self.plan
        peers = []
        for address in plan.addresses:
            _, peer = await loop.create_connection(lambda address=address: Peer(self, address), "127.0.0.1", plan.port)
            peers.append(peer)
        if not self.is_tagged or plan.warm_up:
            await asyncio.sleep(0.5)  # clocks set and states asked on first contact
        cpu = time.process_time()
        began = time.monotonic()
        self.counts_from, self.counts_to = began + plan.warm_up, began + plan.warm_up + plan.seconds
        await (self._windows(peers) if plan.window else self._paced(peers))
        self.is_on = False
        ended = time.monotonic()
        while self.total < self.sent and time.monotonic() - ended < _DRAIN_S:
            await asyncio.sleep(0.01)
        cpu = time.process_time() - cpu
        for peer in peers:
            peer.transport.abort()
        if plan.times_to:
            with open(plan.times_to, "wb") as file:  # noqa: PTH123 - all is over
                file.write(msgspec.json.encode(self.tag_times))
        return Outcome(
            sent=self.sent,
            confirmed=self.total,
            rate=self.counted / plan.seconds,
            latency=latency_of(self.latencies),
            late_ms=self.late * 1000,
            cpu_seconds=cpu,
            seconds=ended - began,
        )

    async def _windows(self, peers: list[Peer]) -> None:
        for peer in peers:
            peer.send(self.plan.window)
        await asyncio.sleep(self.counts_to - time.monotonic())

    async def _paced(self, peers: list[Peer]) -> None:
        plan, began, turn = self.plan, time.monotonic(), 0
        step = plan.burst / plan.rate
        due = began
        while due < self.counts_to:
            now = time.monotonic()
            while due <= now:
                self.late = max(self.late, now - due)
                peers[turn].send(plan.burst)
                turn = (turn + 1) % len(peers)
                due += step
            await asyncio.sleep(min(max(due - time.monotonic(), _TICK_S), 0.02))


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    outcome = uvloop.run(Run(plan).run())
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
