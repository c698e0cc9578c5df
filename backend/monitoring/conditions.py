"""CONDITIONS: all that can be wrong, by key, and the rows that find it. Data only.

Versioned with the code; an alarm stores the key and the rule's id (GB 50440 extract, 4). The rows are in
`conditions_system`, `conditions_component` and `conditions_analog`; this module is their one index.
"""

from collections.abc import Mapping
from typing import Final

from backend.monitoring.conditions_analog import ANALOG_CONDITIONS, PANEL_CONDITIONS
from backend.monitoring.conditions_component import COMPONENT_CONDITIONS, COMPONENT_RULES, CONTACTS
from backend.monitoring.conditions_system import (
    OPERATION_CONDITIONS,
    OTHER_CONDITIONS,
    SYSTEM_CONDITIONS,
    SYSTEM_RULES,
    UITD_CONDITIONS,
    UITD_RULES,
)
from backend.monitoring.model import Level
from backend.monitoring.terms import Condition, StateRule

__all__ = [
    "ALL_CONDITIONS",
    "ANALOG_KEYS",
    "CONDITIONS",
    "CONTACTS",
    "PANEL_KEYS",
    "RESERVED_BITS",
    "STATE_KEYS",
    "STATE_RULES",
    "Condition",
]

#: every condition, in the order of the extract's section 4
ALL_CONDITIONS: Final = (
    *SYSTEM_CONDITIONS,
    *COMPONENT_CONDITIONS,
    *UITD_CONDITIONS,
    *OPERATION_CONDITIONS,
    *ANALOG_CONDITIONS,
    *PANEL_CONDITIONS,
    *OTHER_CONDITIONS,
)
#: by key
CONDITIONS: Final[Mapping[str, Condition]] = {each.key: each for each in ALL_CONDITIONS}

#: the rows for a state word, by what the subject is, in order of precedence
STATE_RULES: Final[Mapping[Level, tuple[StateRule, ...]]] = {
    Level.SYSTEM: SYSTEM_RULES,
    Level.COMPONENT: COMPONENT_RULES,
    Level.UITD: UITD_RULES,
}
#: what bits are that no row names (P-15)
RESERVED_BITS: Final[Mapping[Level, str]] = {
    Level.SYSTEM: "system_reserved_bits",
    Level.COMPONENT: "component_reserved_bits",
    Level.UITD: "uitd_reserved_bits",
}
#: every key that a state word can begin or end, by what the subject is
STATE_KEYS: Final[Mapping[Level, frozenset[str]]] = {
    Level.SYSTEM: frozenset(each.key for each in SYSTEM_CONDITIONS),
    Level.COMPONENT: frozenset(each.key for each in COMPONENT_CONDITIONS),
    Level.UITD: frozenset(each.key for each in UITD_CONDITIONS),
}
#: every key that an analog value can begin or end
ANALOG_KEYS: Final = frozenset(each.key for each in ANALOG_CONDITIONS)
#: every key that a printer line can begin or end
PANEL_KEYS: Final = frozenset(each.key for each in PANEL_CONDITIONS)
