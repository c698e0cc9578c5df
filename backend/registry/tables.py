"""Rows of units, buildings, zones, devices, systems, components and agreements."""

from piccolo.table import Table

from backend.core.db import columns as c


class UnitRow(Table, tablename="units"):
    """A networked unit (联网单位)."""

    id = c.key()
    code = c.text(unique=True)
    name = c.text()
    address = c.text()
    timezone = c.text()
    created_at = c.moment()
    live_at = c.moment(null=True)  #: in service (投入运行) since; empty: being set up


class BuildingRow(Table, tablename="buildings"):
    """A building (建(构)筑物); its code is unique in its unit."""

    id = c.key()
    unit = c.link(UnitRow)
    code = c.text()
    name = c.text()
    address = c.text()


class ZoneRow(Table, tablename="zones"):
    """A zone (区域) of a building; its code is unique in its building."""

    id = c.key()
    building = c.link(BuildingRow)
    code = c.text()
    name = c.text()
    floor = c.text()


class DeviceRow(Table, tablename="devices"):
    """A UITD or collector. Without a unit it is an unidentified device that waits to be adopted."""

    id = c.key()
    unit = c.maybe_link(UnitRow)
    building = c.maybe_link(BuildingRow)
    kind = c.text()
    address = c.text(unique=True)
    power = c.text()
    profile = c.text()
    name = c.text()
    first_seen_at = c.moment(null=True)
    adopted_at = c.moment(null=True)
    downlink_serial = c.number()


class FacilitySystemRow(Table, tablename="facility_systems"):
    """A facility system (建筑消防设施系统) behind a device."""

    id = c.key()
    device = c.link(DeviceRow)
    system_type = c.number()
    system_address = c.number()
    name = c.text()


class ComponentRow(Table, tablename="components"):
    """A component (部件): its wire key, its place, and for analogs its limits (点表)."""

    id = c.key()
    device = c.link(DeviceRow)
    zone = c.maybe_link(ZoneRow)
    system_type = c.number()
    system_address = c.number()
    component_type = c.number()
    component_address = c.text()
    description = c.text()
    role = c.text()
    quantity = c.number(null=True)
    low = c.amount(null=True)
    high = c.amount(null=True)
    scale = c.amount(null=True)
    hysteresis = c.amount(null=True)
    interval_s = c.number(null=True)
    closed_means = c.text(null=True)


class ServiceAgreementRow(Table, tablename="service_agreements"):
    """A service agreement (服务协议): what is monitored, and the repair time agreed."""

    id = c.key()
    unit = c.link(UnitRow)
    number = c.text()
    scope = c.text()
    repair_hours = c.number()
    starts_on = c.moment()
    ends_on = c.moment(null=True)
    is_active = c.flag()
