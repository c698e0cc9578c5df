"""What holds now: pure decisions over statements. No I/O, no clock; everything is an argument.

The one rule: a state word is whole (protocol extract, 6.6), so what no longer stands has ended; bit 0 never
suppresses anything; nothing known or unknown is ever dropped (class I, rule P-15). Law: GB 50440 extract, 4 to 7.
Analog values are in `rules_analog`, printer lines in `rules_panel`; this module is the door to all three.
"""

from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from backend.core.deadlines import HISTORIC_FIRE
from backend.core.vocabulary import AlarmClass
from backend.monitoring.conditions import ANALOG_KEYS, CONDITIONS, RESERVED_BITS, STATE_KEYS, STATE_RULES
from backend.monitoring.conditions_component import (
    CONTACT_BITS,
    CONTACTS,
    FIXED_PARTS,
    LEVEL_SENSORS,
    RELEASE_PARTS,
    ROLE_OF_MEANING,
    WATER_TANKS,
    is_free_part,
)
from backend.monitoring.conditions_system import OPERATION_RULES
from backend.monitoring.model import (
    Level,
    LinkSaid,
    OperationSaid,
    StateSaid,
    Subject,
    UnreadableSaid,
)
from backend.monitoring.rules_analog import is_stale, role_for, standing_of_analog
from backend.monitoring.rules_panel import is_panel_reset, panel_place, panel_text_ends, standing_of_panel_text
from backend.monitoring.terms import (
    BIT_FACT,
    CLOSED,
    CLOSED_MEANS_FACT,
    CONTACT_FACT,
    HEALTHY_MEANINGS,
    MARK_FACT,
    OPEN,
    OPERATOR_FACT,
    READ_FROM_TEXT,
    TEXT_FACT,
    TYPE_FLAG_FACT,
    UNKNOWN_BITS_FACT,
    Condition,
    Limits,
    Reset,
    Standing,
)
from backend.monitoring.words import LIST_MARK, OPERATION_BITS, state_bit_name
from backend.registry.model import CLOSED_MEANS_LABELS, ClosedMeans, ComponentRole

__all__ = [
    "ANALOG_KEYS",
    "Condition",
    "Limits",
    "Reset",
    "Standing",
    "contact_meaning",
    "ended_by",
    "events_of_operation",
    "governed_keys",
    "history_alarms",
    "is_history",
    "is_panel_reset",
    "is_reset",
    "is_stale",
    "panel_place",
    "panel_text_ends",
    "reset_ends",
    "role_for",
    "standing_of_analog",
    "standing_of_link",
    "standing_of_panel_text",
    "standing_of_stale",
    "standing_of_state",
    "standing_of_unreadable",
    "whole_word",
]

_BIT_0: Final = 1
#: the widest state word a profile reads is eight octets (protocol extract, 11.4)
_WORD: Final = (1 << 64) - 1
_CONTACT_MASK: Final = sum(1 << bit for bit in CONTACT_BITS)
_RESET_BIT: Final = 13
_OPERATION_RESET_BITS: Final = (0, 3)


class _Point(msgspec.Struct, frozen=True):
    """All that decides how a subject's state word is read."""

    level: Level
    system_type: int | None
    component_type: int | None
    role: str
    closed_means: str
    is_vendor: bool


class _Watch(msgspec.Struct, frozen=True):
    """Some bits of one point's word, and the condition they tell of: when set, or (a healthy contact) when clear."""

    mask: int
    condition: Condition
    rule: str
    meaning: ClosedMeans | None = None

    @property
    def is_healthy_when_set(self) -> bool:
        """Whether the condition holds while the bits are clear."""
        return self.meaning in HEALTHY_MEANINGS

    def holds(self, state: int, ended: bool) -> bool:
        """Whether the condition holds; in a word of ended bits, a healthy contact named there has opened."""
        is_named = bool(state & self.mask)
        return is_named is ended if self.is_healthy_when_set else is_named and not ended


def _meaning(text: str) -> ClosedMeans | None:
    return ClosedMeans(text) if text in ClosedMeans.__members__.values() else None


def _contact(point: _Point) -> _Watch | None:
    """What bits 5 and 6 of a part mean by the point table (P-14; P-8 for a tank's contacts), or None."""
    if point.level is not Level.COMPONENT or point.component_type in FIXED_PARTS:
        return None
    meaning = _meaning(point.closed_means)
    has_role = point.role in CONTACTS
    role = ComponentRole(point.role) if has_role else ROLE_OF_MEANING.get(meaning) if meaning else None
    if point.component_type in RELEASE_PARTS and role is not ComponentRole.EMERGENCY_STOP:
        return None  # a release is never re-read, save where people named the point the stop button (A5.5)
    contact = CONTACTS.get(role) if role else None
    if contact:
        is_level = point.component_type in WATER_TANKS | LEVEL_SENSORS
        return _Watch(
            _CONTACT_MASK,
            CONDITIONS[contact.condition],
            "P-8" if is_level else "P-14",
            meaning or contact.closed_means,
        )
    if is_free_part(point.component_type):
        return _Watch(_CONTACT_MASK, CONDITIONS["module_acted"], "P-14", meaning)
    return None


def contact_meaning(*, role: str, closed_means: str, component_type: int | None) -> ClosedMeans | None:
    """What a closed contact of a part says by the point table; None: bits 5 and 6 are what the standard calls them."""
    watch = _contact(_Point(Level.COMPONENT, None, component_type, role, closed_means, False))
    return watch.meaning if watch else None


@lru_cache(maxsize=4096)
def _watches(point: _Point) -> tuple[_Watch, ...]:
    """The rows that speak of this point; each bit belongs to the first that claims it."""
    contact = _contact(point)
    watches = [contact] if contact else []
    claimed = _BIT_0 | (contact.mask if contact else 0)
    for row in STATE_RULES[point.level]:
        mask = row.mask & ~claimed
        if mask and row.fits(point.system_type, point.component_type, point.role, point.is_vendor):
            watches.append(_Watch(mask, CONDITIONS[row.condition], row.rule))
            claimed |= mask
    watches.append(_Watch(_WORD & ~claimed, CONDITIONS[RESERVED_BITS[point.level]], "P-15"))
    return tuple(watches)


def _facts(point: _Point, watch: _Watch, state: int) -> tuple[tuple[str, str], ...]:
    if watch.meaning:
        is_closed = not watch.is_healthy_when_set
        return (
            (CONTACT_FACT, CLOSED if is_closed else OPEN),
            (CLOSED_MEANS_FACT, CLOSED_MEANS_LABELS[watch.meaning]),
        )
    bits = [bit for bit in range(1, _WORD.bit_length()) if state & watch.mask & (1 << bit)]
    names = [(bit, state_bit_name(point.level, bit, point.is_vendor)) for bit in bits]
    known = LIST_MARK.join(name for _, name in names if name)
    unknown = LIST_MARK.join(str(bit) for bit, name in names if not name)
    return tuple((label, value) for label, value in ((BIT_FACT, known), (UNKNOWN_BITS_FACT, unknown)) if value)


def _merged(facts: tuple[tuple[str, str], ...], more: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Both rows' facts, one line a label."""
    lines = dict(facts)
    for label, value in more:
        lines[label] = f"{lines[label]}{LIST_MARK}{value}" if label in lines else value
    return tuple(lines.items())


@lru_cache(maxsize=16384)
def _standing(point: _Point, state: int, ended: bool) -> tuple[Standing, ...]:
    """The conditions that hold; a condition that several rows find is told once, with the facts of all."""
    held: dict[str, Standing] = {}
    for watch in _watches(point):
        if not watch.holds(state, ended):
            continue
        before = held.get(watch.condition.key)
        facts = _facts(point, watch, state)
        held[watch.condition.key] = Standing(
            condition=watch.condition,
            rule=before.rule if before else watch.rule,
            facts=_merged(before.facts, facts) if before else facts,
        )
    return tuple(held.values())


def _point(said: StateSaid, role: str, closed_means: str, component_type: int | None) -> _Point:
    subject = said.subject
    part = subject.component_type if component_type is None else component_type
    return _Point(subject.level, subject.system_type, part, role, closed_means, said.extension_bits)


def standing_of_state(
    said: StateSaid,
    *,
    role: str = "",
    closed_means: str = "",
    component_type: int | None = None,
) -> tuple[Standing, ...]:
    """The conditions that hold by this state word; class I ones too, which make no alarm.

    `role` and `closed_means` come from the point table, `component_type` from the registry where the frame left
    it out. `said.is_test` changes nothing here: the alarm is marked, never suppressed. For a vendor restore type
    (`said.ended`) only a healthy contact that ended can begin a condition.
    """
    point = _point(said, role, closed_means, component_type)
    return _standing(point, said.state & _WORD, said.ended)


def ended_by(
    said: StateSaid,
    *,
    role: str = "",
    closed_means: str = "",
    component_type: int | None = None,
    last_state: int | None = None,
) -> frozenset[str]:
    """The keys of the conditions that this statement ends.

    For a whole word: every state-derived key that does not stand. For a restore type: those whose bits it names,
    save one that other bits of `last_state` (the last whole word, if known) still hold up.
    """
    point = _point(said, role, closed_means, component_type)
    if not said.ended:
        return STATE_KEYS[point.level] - {each.key for each in _standing(point, said.state & _WORD, False)}
    named = frozenset(
        watch.condition.key for watch in _watches(point) if said.state & watch.mask and not watch.is_healthy_when_set
    )
    if last_state is None:
        return named
    left = whole_word(said, last_state)
    return named - {each.key for each in _standing(point, left & _WORD, False)}


def whole_word(said: StateSaid, last_state: int | None) -> int:
    """The subject's whole state word after this statement: what to keep as its last."""
    if not said.ended:
        return said.state
    return (last_state or 0) & ~said.state


def governed_keys(level: Level) -> frozenset[str]:
    """Every key a state word of such a subject begins or ends: an active alarm of one that does not stand has ended.

    It does not depend on part or role: those may have been corrected since the alarm was raised.
    """
    return STATE_KEYS[level]


def is_reset(said: StateSaid | OperationSaid) -> Reset | None:
    """Whether this statement ends earlier signals (S-13, O-2), and whose."""
    subject = said.subject
    if isinstance(said, StateSaid):
        is_set = bool(said.state >> _RESET_BIT & 1) and not said.ended
        if not is_set or subject.level is not Level.SYSTEM:
            return None
        # Dahua's bit 13 ends every event of the device (protocol extract, 11.4)
        return _reset_of(subject, "S-13", is_whole_device=said.extension_bits)
    if not any(said.flags >> bit & 1 for bit in _OPERATION_RESET_BITS):
        return None
    return _reset_of(subject, "O-2", is_whole_device=subject.level is Level.UITD)


def _reset_of(subject: Subject, rule: str, *, is_whole_device: bool) -> Reset:
    if is_whole_device:
        return Reset(rule=rule)
    return Reset(rule=rule, system_type=subject.system_type, system_address=subject.system_address)


def reset_ends(reset: Reset, subject: Subject, key: str) -> bool:
    """Whether `reset` ends the signal `key` of a subject of the same device.

    By system address, as section 7 has it. Items b to f, manual positions, analog values and links end only by
    what section 5 lists: a reset fills no tank. An unknown key (an older version's) ends.
    """
    condition = CONDITIONS.get(key)
    if condition and not condition.ends_on_reset:
        return False
    return reset.system_address is None or subject.system_address == reset.system_address


def events_of_operation(said: OperationSaid) -> tuple[Standing, ...]:
    """What somebody did at the panel or the UITD (O-1 to O-3). An event: only a reset ends a manual alarm."""
    level = Level.UITD if said.subject.level is Level.UITD else Level.SYSTEM
    rules, names = OPERATION_RULES[level], OPERATION_BITS[level]
    operator = (OPERATOR_FACT, str(said.operator))
    events: list[Standing] = []
    for bit in range(said.flags.bit_length()):
        if not said.flags >> bit & 1:
            continue
        condition = CONDITIONS[rules.get(bit, "operation_unknown")]
        name = (BIT_FACT, names[bit]) if bit in names else (UNKNOWN_BITS_FACT, str(bit))
        events.append(Standing(condition=condition, rule=condition.rule, facts=(name, operator)))
    return tuple(events)


def standing_of_unreadable(said: UnreadableSaid) -> tuple[Standing, ...]:
    """V-1: fire words in what we cannot read are a fire, marked so; V-2: else an abnormal state."""
    type_flag = () if said.type_flag is None else ((TYPE_FLAG_FACT, str(said.type_flag)),)
    if said.fire_text:
        facts = ((MARK_FACT, READ_FROM_TEXT), (TEXT_FACT, said.fire_text), *type_flag)
        return (Standing(condition=CONDITIONS["unreadable_fire"], rule="V-1", facts=facts),)
    return (Standing(condition=CONDITIONS["unreadable"], rule="V-2", facts=type_flag),)


def standing_of_link(said: LinkSaid) -> tuple[Standing, ...]:
    """通信故障 while the link is lost (extract, 7; CQC/SC 11002 4.4.2); nothing stands when it is back."""
    if not said.is_lost:
        return ()
    return (Standing(condition=CONDITIONS["link_lost"], rule="L-1"),)


def standing_of_stale() -> tuple[Standing, ...]:
    """监测点数据中断: an analog point has been silent too long (L-2; extract, 7). It ends with its next value."""
    return (Standing(condition=CONDITIONS["point_stale"], rule="L-2"),)


def is_history(
    previous_device_time: datetime | None,
    said_device_time: datetime | None,
    sent_at: datetime | None,
    received_at: datetime,
) -> bool:
    """Whether a statement is a stored record from before what the object last said (extract, 7, "Order").

    Only device times tell, and only while the device's clock can be trusted: had the frame itself been sent before
    the last statement, or that statement lain in the future, the clock was set back and the statement is news.
    """
    if previous_device_time is None or said_device_time is None or said_device_time >= previous_device_time:
        return False
    return (sent_at or received_at) >= previous_device_time


def history_alarms(standing: Standing, said_device_time: datetime | None, received_at: datetime) -> bool:
    """Whether a historic finding still makes an alarm: a fire of the last 24 hours (if nobody knows of it yet)."""
    if standing.condition.alarm_class is not AlarmClass.F or said_device_time is None:
        return False
    return received_at - said_device_time <= HISTORIC_FIRE
