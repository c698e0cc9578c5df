"""A way to a peer: one TCP connection, or one UDP address and port. What both have in common.

Identity belongs to the frame, not to the way: one way may carry several devices (GB/T 26875.3 extract, 14).
"""

from abc import ABC, abstractmethod
from typing import Final, Literal

from protocol_gateway.limits import Allowance, DenyLimit

#: frames of all peers that may wait for their commit before no more is taken: from devices of a unit, and from others
MOST_IN_HAND_IN_ALL: Final = 20_000
MOST_IN_HAND_FOR_STRANGERS: Final = 2_000


class Way(ABC):
    """One link: who is at its end, which devices spoke on it, how much of it is in hand.

    Times are `clock.monotonic()` seconds. `in_hand` counts frames posted to the intake and not yet ended there.
    """

    __slots__ = (
        "addresses",
        "allowance",
        "denies",
        "good_at",
        "host",
        "in_hand",
        "is_known",
        "is_open",
        "opened_at",
        "peer",
        "transport_name",
    )

    def __init__(self, host: str, port: int, transport_name: Literal["tcp", "udp"], *, rate: float, now: float) -> None:
        self.host = host
        self.peer = f"{host}:{port}"
        self.transport_name = transport_name
        self.opened_at = now
        self.good_at = now
        self.is_open = True
        self.is_known = False  #: a device of a unit has spoken here; one only noted as unidentified is a stranger
        self.in_hand = 0
        self.addresses: set[str] = set()
        self.denies = DenyLimit()
        self.allowance = Allowance(rate, now)

    @property
    def bound_address(self) -> str | None:
        """The one device that spoke here; None when there was none, or when there were several."""
        return next(iter(self.addresses)) if len(self.addresses) == 1 else None

    @abstractmethod
    def send(self, octets: bytes) -> None:
        """Hand octets to the transport. Never waits; octets for a closed way are dropped."""


def most_in_hand_in_all(way: Way) -> int:
    """How many frames may wait before this way is not read: strangers give way first, so that they delay nobody."""
    return MOST_IN_HAND_IN_ALL if way.is_known else MOST_IN_HAND_FOR_STRANGERS
