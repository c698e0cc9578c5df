"""Rows of work orders, of what happened to each, and of signals that their tests brought on the wire."""

from piccolo.columns import Serial
from piccolo.table import Table

from backend.core.db import columns as c
from backend.people.tables import PersonRow
from backend.registry.tables import DeviceRow, UnitRow


class WorkOrderRow(Table, tablename="work_orders"):
    """A work order (工单). Its state moves by `model.WAYS` only (see the trigger)."""

    id = c.key()
    number = Serial()
    unit = c.link(UnitRow, index=False)
    origin = c.text()
    about = c.uid(null=True)  #: the alarm, complaint or inspection it came from
    severity = c.text()
    what = c.text()
    place = c.text()
    since_at = c.moment()
    opened_by = c.maybe_link(PersonRow, index=False)
    opened_at = c.moment()
    agreed_at = c.moment()
    agreed_by = c.text()
    needs = c.document()
    device = c.maybe_link(DeviceRow)
    system_type = c.number(null=True)
    system_address = c.number(null=True)
    component_address = c.text(null=True)
    state = c.text()
    offered = c.document()
    refused_by = c.document()
    workers = c.document()
    assignee = c.maybe_link(PersonRow, index=False)
    asked_at = c.moment(null=True)
    accept_by = c.moment(null=True)
    accept_step = c.counter()
    accepted_at = c.moment(null=True)
    arrived_at = c.moment(null=True)
    wait_reason = c.text(null=True)
    paused_since = c.moment(null=True)
    paused_us = c.number(big=True)
    due_at = c.moment()  #: the agreed finish and the pauses that are over; what time is looked for by
    done_at = c.moment(null=True)
    verified_by = c.maybe_link(PersonRow, index=False)
    verified_at = c.moment(null=True)
    ended_at = c.moment(null=True)
    ended_why = c.text()
    test_asked_at = c.moment(null=True)
    test_until_at = c.moment(null=True)
    test_window = c.uid(null=True)
    test_signal_at = c.moment(null=True)
    test_said = c.text()
    test_waived_by = c.maybe_link(PersonRow, index=False)
    overdue_at = c.moment(null=True)
    revision = c.counter()


class WorkOrderEntryRow(Table, tablename="work_order_entries"):
    """One line of a work order's story. Written once, never changed."""

    id = c.key()
    work_order = c.link(WorkOrderRow)
    at = c.moment()
    kind = c.text()
    person = c.maybe_link(PersonRow, index=False)
    via = c.text(null=True)
    facts = c.document()


class WorkOrderSignalRow(Table, tablename="work_order_signals"):
    """What a component said on the wire while an order waited for it. The front door only adds; it locks no order."""

    id = c.key()
    work_order = c.uid(index=True)
    subject = c.text()
    at = c.moment()
    said = c.text()
    ledger_id = c.uid()
