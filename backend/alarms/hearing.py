"""Whose people hear of an alarm, and on which lane. Pure."""

from backend.alarms.model import ONCE_A_DAY, Alarm
from backend.core.ids import UnitId
from backend.core.vocabulary import Lane, Severity
from backend.monitoring.changes import Mark


def listeners(alarm: Alarm) -> UnitId | None:
    """Whose people hear of it: an unreadable report, and a device nobody knows, are the duty desk's (10.3, part 3)."""
    return None if alarm.rule in ONCE_A_DAY or Mark.UNIDENTIFIED in alarm.marks else alarm.unit


def lane_of(alarm: Alarm) -> Lane:
    """Fire has a lane of its own."""
    return Lane.FIRE if alarm.severity is Severity.FIRE else Lane.ROUTINE
