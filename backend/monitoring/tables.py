"""Rows of what each facility says now, what it said, and how each device's link is."""

from piccolo.table import Table

from backend.core.db import columns as c
from backend.registry.tables import DeviceRow


class FacilityStateRow(Table, tablename="facility_states"):
    """The last whole state word of one subject (system, component or UITD), with both times."""

    id = c.key()
    subject = c.text(unique=True)
    device = c.link(DeviceRow)
    level = c.text()
    system_type = c.number(null=True)
    system_address = c.number(null=True)
    component_type = c.number(null=True)
    component_address = c.text(null=True)
    state = c.number(big=True)
    description = c.text()
    device_time = c.moment(null=True)
    received_at = c.moment()
    ledger_id = c.uid()


class AnalogStateRow(Table, tablename="analog_states"):
    """The last value of one quantity of one component, with both times."""

    id = c.key()
    subject = c.text()
    device = c.link(DeviceRow)
    system_type = c.number()
    system_address = c.number()
    component_type = c.number()
    component_address = c.text()
    quantity = c.number()
    reading = c.number()
    value = c.amount(null=True)
    measure = c.text()
    standing = c.text()
    is_stale = c.flag()
    device_time = c.moment(null=True)
    received_at = c.moment()
    ledger_id = c.uid()


class FacilityEventRow(Table, tablename="facility_events"):
    """A change or an operation, as it was told; class I ones make no alarm and stand only here."""

    id = c.key()
    device = c.link(DeviceRow)
    subject = c.text(index=True)
    rule = c.text()
    alarm_class = c.text()
    text = c.text()
    facts = c.document()
    device_time = c.moment(null=True)
    received_at = c.moment(index=True)
    ledger_id = c.uid()


class DeviceLinkRow(Table, tablename="device_links"):
    """How a device's link is: alive, lost, since when, from where, and what is odd about it."""

    id = c.key()
    device = c.link(DeviceRow)
    is_lost = c.flag()
    peer = c.text()
    transport = c.text()
    last_contact_at = c.moment()
    lost_at = c.moment(null=True)
    clock_offset_s = c.number(null=True)
    deviations = c.document()


class LinkOutageRow(Table, tablename="link_outages"):
    """One loss of a device's link, from its last word to its next (通信故障)."""

    id = c.key()
    device = c.link(DeviceRow)
    unit = c.uid(null=True)
    lost_at = c.moment()
    recognised_at = c.moment()
    restored_at = c.moment(null=True)
    cause = c.text()
    peer = c.text()
    ledger_id = c.uid()


class LinkCheckRow(Table, tablename="link_checks"):
    """One device's patrol on one day of UTC (通信巡检): asked, heard, its longest silence."""

    id = c.key()
    device = c.link(DeviceRow)
    day = c.moment()
    asked = c.number()
    heard = c.number()
    longest_silence_s = c.number()
    last_asked_at = c.moment(null=True)
    last_heard_at = c.moment(null=True)
    heard_by = c.text()


class GatewayRunRow(Table, tablename="gateway_runs"):
    """When a gateway was last alive, so that its own absence is nobody's outage."""

    id = c.key()
    name = c.text(unique=True)
    started_at = c.moment()
    alive_at = c.moment()
