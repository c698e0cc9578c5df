"""A user information transmission device (用户信息传输装置) in software, for drills, demos, tests and load.

It speaks the real protocol over real sockets, answers what the centre asks as a real device does, resends what
is not confirmed, and keeps a register of every frame it sent and what became of it.
"""

from protocol_gateway.simulator.fleet import Options, SimulationReport, simulate
from protocol_gateway.simulator.scenarios import SCENARIOS
from protocol_gateway.simulator.uitd import SimulatedUitd
from protocol_gateway.simulator.wire import Sending, WireEntry

__all__ = [
    "SCENARIOS",
    "Options",
    "Sending",
    "SimulatedUitd",
    "SimulationReport",
    "WireEntry",
    "simulate",
]
