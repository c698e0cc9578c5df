"""重复帧: which frames are a device's resends (section 13.3).

A frame is a repeat when source, serial, command and ADU equal a frame of the last 130 s. A reset or restore
in between forgets all, because the same words then tell of a new event. When in doubt it is no repeat.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from protocol_gateway.gb26875.bits import OperationBit, SystemStateBit, UitdOperationBit
from protocol_gateway.gb26875.decode import Decoded
from protocol_gateway.gb26875.frame import Frame
from protocol_gateway.gb26875.layouts import WireObject
from protocol_gateway.gb26875.objects.dahua import ComponentStateExtended
from protocol_gateway.gb26875.objects.facility import ComponentState, FacilityOperation, SystemState
from protocol_gateway.gb26875.objects.jk import (
    ComponentStateRestored,
    SystemStateRestored,
    UitdStateRestored,
)
from protocol_gateway.gb26875.objects.uitd import UitdOperation, UitdState

#: Four sendings 30 s apart and a margin, in seconds.
REPEAT_WINDOW: Final = 130.0
#: Frames remembered for one device: at one a second more than the window holds.
REMEMBERED_FRAMES: Final = 256
_DIGEST_SIZE: Final = 16
_STATES: Final = (SystemState, ComponentState, ComponentStateExtended, UitdState)
_RESTORED: Final = (SystemStateRestored, ComponentStateRestored, UitdStateRestored)
#: A state word without any of its conditions: bit 0 says nothing (section 6.6).
_BIT_0: Final = 1


def _ends_something(thing: WireObject) -> bool:
    if isinstance(thing, _RESTORED):
        return True
    if isinstance(thing, SystemState) and SystemStateBit.RESET.in_word(thing.state):
        return True
    if isinstance(thing, FacilityOperation):
        return OperationBit.RESET.in_word(thing.operation)
    if isinstance(thing, UitdOperation):
        return UitdOperationBit.RESET.in_word(thing.operation)
    return isinstance(thing, _STATES) and thing.state | _BIT_0 == _BIT_0


def ends_conditions(decoded: Decoded) -> bool:
    """Whether the frame resets or restores anything (复位, 恢复)."""
    return any(map(_ends_something, decoded.objects or ()))


class Repeats:
    """The frames one device sent lately, as digests; bounded in number and in time."""

    def __init__(self, window: float = REPEAT_WINDOW, size: int = REMEMBERED_FRAMES) -> None:
        self._window = window
        self._size = size
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        """How many frames are remembered."""
        return len(self._seen)

    def note(self, frame: Frame, decoded: Decoded, now: float) -> bool:
        """Remember `frame`; true when it repeats one of the window."""
        self._forget_before(now - self._window)
        key = self._key(frame)
        is_repeat = key in self._seen
        if not is_repeat and ends_conditions(decoded):
            self._seen.clear()
        self._seen[key] = now
        self._seen.move_to_end(key)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return is_repeat

    def _forget_before(self, moment: float) -> None:
        while self._seen and next(iter(self._seen.values())) < moment:
            self._seen.popitem(last=False)

    @staticmethod
    def _key(frame: Frame) -> bytes:
        head = frame.source + frame.serial.to_bytes(2, "little") + bytes((frame.command,))
        return blake2b(head + frame.adu, digest_size=_DIGEST_SIZE).digest()
