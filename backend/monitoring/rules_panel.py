"""What a panel's printer line tells (protocol extract, 11.6). Pure: text decides, kind seconds it.

A printer line speaks of a *place* behind a system, not of the system: alarms of it are keyed by `panel_place`.
"""

from typing import Final

from backend.monitoring.conditions import CONDITIONS, PANEL_KEYS
from backend.monitoring.conditions_analog import (
    PANEL_FAULT_KIND,
    PANEL_FIRE_KINDS,
    PANEL_KINDS,
    PANEL_NO_FIRE_WORDS,
    PANEL_POWER_WORDS,
    PANEL_WORDS,
)
from backend.monitoring.model import PanelTextSaid
from backend.monitoring.terms import (
    DEVICE_NAME_FACT,
    MARK_FACT,
    PANEL_EVENT_FACT,
    POSITION_FACT,
    READ_FROM_TEXT,
    Reset,
    Standing,
)

_OTHER: Final = "panel_other"
#: one fault ends where "…故障恢复" is printed, and so on; a plain 恢复 ends all of the place
_ENDS: Final = {
    "panel_fire": frozenset({"panel_fire"}),
    "panel_fault": frozenset({"panel_fault", "panel_detector_fault"}),
    "panel_release": frozenset({"panel_release"}),
    "panel_disabled": frozenset({"panel_disabled"}),
    "panel_supervisory": frozenset({"panel_supervisory"}),
    "panel_started": frozenset({"panel_started"}),
}


def panel_place(said: PanelTextSaid) -> str:
    """The name of the place a line speaks of, to set beside the system's key: position, else the device's name."""
    return said.position.strip() or said.device_name.strip()


def standing_of_panel_text(said: PanelTextSaid) -> tuple[Standing, ...]:
    """The one condition this line tells of; class I for restores, resets and what tells nothing known."""
    condition = CONDITIONS[_refined(_key(said), said)]
    facts = (
        (DEVICE_NAME_FACT, said.device_name),
        (POSITION_FACT, said.position),
        (PANEL_EVENT_FACT, said.event),
        (MARK_FACT, READ_FROM_TEXT),
    )
    kept = tuple((label, value) for label, value in facts if value)
    return (Standing(condition=condition, rule=condition.rule, facts=kept),)


def panel_text_ends(said: PanelTextSaid) -> frozenset[str]:
    """The keys that end at the line's place when it tells of a restore; a reset is `is_panel_reset`'s."""
    if _key(said) != "panel_restored":
        return frozenset()
    # "恢复" itself stands before the words of what was restored in the table, so look past it
    named = [key for key, words in PANEL_WORDS if key in _ENDS and any(word in said.event for word in words)]
    return frozenset().union(*(_ENDS[key] for key in named)) if named else PANEL_KEYS


def is_panel_reset(said: PanelTextSaid) -> Reset | None:
    """Whether the line tells of a reset of its system (T-5; protocol extract, 13.5)."""
    if _key(said) != "panel_reset":
        return None
    subject = said.subject
    return Reset(rule="T-5", system_type=subject.system_type, system_address=subject.system_address)


def _key(said: PanelTextSaid) -> str:
    by_kind = PANEL_KINDS.get(said.kind, _OTHER)
    found = next(
        (key for key, words in PANEL_WORDS if any(word in said.event for word in words)),
        by_kind,
    )
    # a test or a prohibition is no fire by its text; with a fire's kind beside it, in doubt, alarm
    is_denied = any(word in said.event for word in PANEL_NO_FIRE_WORDS)
    if found == "panel_fire" and is_denied and said.kind not in PANEL_FIRE_KINDS:
        return _OTHER
    return found


def _refined(key: str, said: PanelTextSaid) -> str:
    """5 a, "Also": a fault of kind 5 is a detector's, unless the line speaks of a power supply."""
    if key != "panel_fault" or said.kind != PANEL_FAULT_KIND:
        return key
    is_power = any(word in said.event or word in said.device_name for word in PANEL_POWER_WORDS)
    return "panel_fault" if is_power else "panel_detector_fault"
