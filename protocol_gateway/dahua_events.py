"""Events inside Dahua's general report 0x87, as bits of a component's or system's state (extract, 11.4).

An event says what began or ended, a state word says everything; so what began is gathered by subject until it
ends. In doubt an event is read as the graver of its meanings: only a value marked pre-alarm is no fire.
"""

from collections.abc import Mapping, MutableMapping
from typing import Final

import msgspec

from backend.monitoring.model import Level

_FIRE: Final = 1 << 1
_FAULT: Final = 1 << 2
_DISABLED: Final = 1 << 3
_SUPERVISORY: Final = 1 << 4
_STARTED: Final = 1 << 5
_FEEDBACK: Final = 1 << 6
_POWER_FAULT: Final = 1 << 8
_LOST: Final = 1 << 9
_SYSTEM_BUS_FAULT: Final = 1 << 10
_SYSTEM_MANUAL: Final = 1 << 11
_REMOVED: Final = 1 << 12
_ARC: Final = 1 << 18
_FLUCTUATION: Final = 1 << 19
_OVER: Final = 1 << 20
_UNDER: Final = 1 << 21

_PRE_ALARM: Final = 1


class EventRule(msgspec.Struct, frozen=True):
    """What an event type sets or ends. `by_high` and `by_low` choose the bits by an octet of the value."""

    bits: int
    ends: bool = False
    level: Level = Level.COMPONENT
    by_high: Mapping[int, int] = {}
    by_low: Mapping[int, int] = {}


_GRADES: Final = {_PRE_ALARM: _SUPERVISORY}
_SIDES: Final = {1: _OVER, 2: _OVER, 3: _UNDER, 4: _UNDER, 5: _FLUCTUATION, 6: _FLUCTUATION}
_INPUTS: Final = {1: 0, 2: _FEEDBACK, 3: _FAULT}

#: event type -> rule; what is missing is shown as text
EVENTS: Final[Mapping[int, EventRule]] = {
    1: EventRule(_FIRE, by_high=_GRADES),
    2: EventRule(_FIRE | _SUPERVISORY, ends=True),
    3: EventRule(_FAULT),
    4: EventRule(_FAULT, ends=True),
    5: EventRule(_DISABLED),
    6: EventRule(_DISABLED, ends=True),
    7: EventRule(_SUPERVISORY),
    8: EventRule(_SUPERVISORY, ends=True),
    9: EventRule(_STARTED),
    10: EventRule(_STARTED, ends=True),
    11: EventRule(_FEEDBACK),
    13: EventRule(_POWER_FAULT),
    14: EventRule(_POWER_FAULT, ends=True),
    15: EventRule(_SYSTEM_BUS_FAULT, level=Level.SYSTEM),
    16: EventRule(_SYSTEM_BUS_FAULT, ends=True, level=Level.SYSTEM),
    17: EventRule(_SYSTEM_MANUAL, level=Level.SYSTEM),
    18: EventRule(_SYSTEM_MANUAL, ends=True, level=Level.SYSTEM),
    20: EventRule(_REMOVED),
    21: EventRule(_REMOVED, ends=True),
    22: EventRule(_FIRE, by_high=_GRADES),
    23: EventRule(_FIRE | _SUPERVISORY, ends=True),
    24: EventRule(_FIRE, by_high=_GRADES),
    25: EventRule(_FIRE | _SUPERVISORY, ends=True),
    26: EventRule(_UNDER, by_high=_SIDES),
    27: EventRule(_OVER | _UNDER | _FLUCTUATION, ends=True),
    28: EventRule(_OVER),
    29: EventRule(_OVER, ends=True),
    30: EventRule(_POWER_FAULT),
    31: EventRule(_POWER_FAULT, ends=True),
    36: EventRule(_ARC),
    37: EventRule(_ARC, ends=True),
    38: EventRule(_LOST),
    39: EventRule(_LOST, ends=True),
    44: EventRule(_FEEDBACK, by_low=_INPUTS),
    45: EventRule(_FEEDBACK | _FAULT, ends=True),
    56: EventRule(_FAULT),
    57: EventRule(_FAULT, ends=True),
    60: EventRule(_POWER_FAULT),
    61: EventRule(_POWER_FAULT, ends=True),
}


def bits_of_event(rule: EventRule, value: int) -> int:
    """The bits an event of this rule sets or ends, by the octets of its value."""
    low, high = value & 0xFF, value >> 8
    return rule.by_low.get(low, rule.by_high.get(high, rule.bits))


def gather(words: MutableMapping[str, int], key: str, began: int, ended: int) -> int:
    """What holds of a subject after an event, and remember it. `words` is the link's own memory."""
    word = (words.get(key, 0) | began) & ~ended
    if word:
        words[key] = word
    else:
        words.pop(key, None)
    return word
