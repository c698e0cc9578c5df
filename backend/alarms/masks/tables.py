"""Rows of masks, of windows for drills and tests, and of what they hold back."""

from piccolo.columns import Serial
from piccolo.table import Table

from backend.alarms.tables import AlarmRow
from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import BuildingRow, DeviceRow, UnitRow, ZoneRow


class MaskRow(Table, tablename="masks"):
    """A mask (屏蔽): scope, reason, people, time. Its way is one way only (see the trigger)."""

    id = c.key()
    number = Serial()
    unit = c.link(UnitRow, index=False)
    scope = c.text()
    device = c.maybe_link(DeviceRow)
    system_type = c.number(null=True)
    system_address = c.number(null=True)
    component_address = c.text(null=True)
    zone = c.maybe_link(ZoneRow, index=False)
    what = c.text()
    reason = c.text()
    is_fire = c.flag()
    is_until_repaired = c.flag()
    state = c.text()
    asked_by = c.link(PersonRow, index=False)
    asked_at = c.moment()
    until_at = c.moment()
    decided_by = c.maybe_link(PersonRow, index=False)
    decided_at = c.moment(null=True)
    started_at = c.moment(null=True)
    ended_by = c.maybe_link(PersonRow, index=False)
    ended_at = c.moment(null=True)
    ended_why = c.text(null=True)
    extends = c.uid(null=True)
    reminders = c.counter()
    revision = c.counter()


class TestWindowRow(Table, tablename="test_windows"):
    """A window for a drill or a test (演练/测试)."""

    id = c.key()
    number = Serial()
    unit = c.link(UnitRow, index=False)
    scope = c.text()
    device = c.maybe_link(DeviceRow, index=False)
    system_type = c.number(null=True)  #: with the next two: one component, as a work order tests it
    system_address = c.number(null=True)
    component_address = c.text(null=True)
    zone = c.maybe_link(ZoneRow, index=False)
    building = c.maybe_link(BuildingRow, index=False)
    kind = c.text()
    what = c.text()
    reason = c.text()
    is_fire = c.flag()
    state = c.text()
    opened_by = c.link(PersonRow, index=False)
    asked_at = c.moment()
    from_at = c.moment()
    until_at = c.moment()
    people = c.document()
    ended_by = c.maybe_link(PersonRow, index=False)
    ended_at = c.moment(null=True)
    revision = c.counter()


class AlarmHoldRow(Table, tablename="alarm_holds"):
    """What keeps an alarm from being told like any other, from when until when."""

    id = c.key()
    alarm = c.link(AlarmRow)
    mask = c.maybe_link(MaskRow)
    window = c.maybe_link(TestWindowRow)
    at = c.moment()
    ended_at = c.moment(null=True)
    ended_why = c.text(null=True)
