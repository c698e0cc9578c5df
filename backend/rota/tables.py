"""Rows of duty schedules, of who stands in, and of the gaps that were warned of."""

from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import UnitRow


class ScheduleRow(Table, tablename="schedules"):
    """A unit's duty schedule (值班表); its rotations are one document."""

    id = c.key()
    unit = c.link(UnitRow)
    name = c.text()
    rotations = c.document()
    version = c.number()
    created_at = c.moment()
    changed_at = c.moment()


class ScheduleOverrideRow(Table, tablename="schedule_overrides"):
    """Somebody stands in (换班), for one person or for all."""

    id = c.key()
    schedule = c.link(ScheduleRow)
    person = c.link(PersonRow)
    instead_of = c.maybe_link(PersonRow)
    starts_at = c.moment()
    ends_at = c.moment()
    created_by = c.link(PersonRow, index=False)
    created_at = c.moment()
    cancelled_at = c.moment(null=True)


class GapWarningRow(Table, tablename="gap_warnings"):
    """A gap (空缺) that was warned of; closed when somebody took it over or it has passed.

    `told_with`: the warning whose card tells people of it; `settled_at`: when that card said that all is closed.
    """

    id = c.key()
    schedule = c.link(ScheduleRow)
    starts_at = c.moment()
    ends_at = c.moment()
    warned_at = c.moment()
    closed_at = c.moment(null=True)
    told_with = c.uid(null=True)
    settled_at = c.moment(null=True)
