"""Rows of handovers, duty checks and the duty log."""

from piccolo.columns import Serial
from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import UnitRow


class HandoverRow(Table, tablename="handovers"):
    """A shift's handover (交接班). What was signed is kept as the very text that was hashed."""

    id = c.key()
    number = Serial()
    unit = c.maybe_link(UnitRow, index=False)  #: none: the provider's duty desk
    state = c.text()
    outgoing = c.link(PersonRow, index=False)
    incoming = c.maybe_link(PersonRow, index=False)  #: whom it was named for; none: whoever may take it
    from_at = c.moment()
    made_at = c.moment()
    notes = c.text()
    frozen = c.text(null=True)
    sha256 = c.text(null=True)
    signed_at = c.moment(null=True)
    signed_via = c.text(null=True)
    decided_by = c.maybe_link(PersonRow, index=False)
    decided_at = c.moment(null=True)
    decided_via = c.text(null=True)
    why = c.text(null=True)
    revision = c.counter()


class DutyCheckRow(Table, tablename="duty_checks"):
    """A duty check (查岗): who was asked, until when, and who answered."""

    id = c.key()
    number = Serial()
    unit = c.link(UnitRow, index=False)
    state = c.text()
    question = c.text()
    asked_by = c.link(PersonRow, index=False)
    asked_at = c.moment()
    until_at = c.moment()
    people = c.document()
    is_by_rota = c.flag()
    answered_by = c.maybe_link(PersonRow, index=False)
    answered_at = c.moment(null=True)
    answered_via = c.text(null=True)
    missed_at = c.moment(null=True)
    revision = c.counter()


class DutyLogRow(Table, tablename="duty_log"):
    """A line of the duty log (值班日志); it is never changed."""

    id = c.key()
    unit = c.maybe_link(UnitRow, index=False)
    at = c.moment()
    person = c.maybe_link(PersonRow, index=False)
    kind = c.text()
    text = c.text()
    via = c.text()
