"""Rows of alarms, acknowledgements and what happened to each alarm."""

from piccolo.columns import Serial
from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import DeviceRow, UnitRow


class AlarmRow(Table, tablename="alarms"):
    """An alarm: the condition's axis (cleared_at) and the people's axis (acknowledged_at, verdict) side by side."""

    id = c.key()
    number = Serial()
    unit = c.maybe_link(UnitRow)
    device = c.link(DeviceRow)
    subject = c.text(index=True)
    condition = c.text()
    rule = c.text()
    alarm_class = c.text()
    severity = c.text()
    item = c.text(null=True)
    title = c.text()
    place = c.document()
    facts = c.document()
    marks = c.document()
    device_time = c.moment(null=True)
    raised_at = c.moment(index=True)
    ledger_id = c.uid()
    repeats = c.number()
    last_reported_at = c.moment()
    cleared_at = c.moment(null=True)
    cleared_by = c.text(null=True)
    cleared_ledger_id = c.uid(null=True)
    acknowledged_at = c.moment(null=True)
    verdict = c.text(null=True)
    verdict_at = c.moment(null=True)
    verdict_by = c.maybe_link(PersonRow)
    verdict_via = c.text(null=True)
    closed_at = c.moment(null=True)
    revision = c.number()
    storm = c.uid(null=True)  #: the storm it counts in
    led_by = c.uid(null=True)  #: the alarm whose card tells of it; empty: it was told by itself
    undone = c.counter()  #: how often an answer was taken back at once; nothing else moves an alarm backwards


class StormRow(Table, tablename="storms"):
    """A group of alarms while they keep coming (see `storms.py`), and what was told at its end."""

    id = c.key()
    key = c.text()
    kind = c.text()
    unit = c.uid(null=True)
    state = c.document()
    began_at = c.moment()
    last_at = c.moment()
    members = c.number()
    is_storm = c.flag()
    leader = c.uid(null=True)
    drawn_members = c.counter()  #: how many the leader's card told of when it was last drawn
    touched_at = c.moment(null=True)  #: when it was last written: a commit that lags is no quiet
    ended_at = c.moment(null=True)
    settled_at = c.moment(null=True)  #: when nothing of it stood any more, and that was told


class AcknowledgementRow(Table, tablename="acknowledgements"):
    """A person knows (确认): who, when, by what way. One for each person and alarm."""

    id = c.key()
    alarm = c.link(AlarmRow)
    person = c.link(PersonRow)
    via = c.text()
    at = c.moment()
    is_late = c.flag()
    recorded_by = c.uid(null=True)  #: a colleague who recorded it for them


class AlarmEntryRow(Table, tablename="alarm_entries"):
    """One line of an alarm's story."""

    id = c.key()
    alarm = c.link(AlarmRow)
    at = c.moment()
    kind = c.text()
    person = c.maybe_link(PersonRow)
    via = c.text(null=True)
    facts = c.document()
