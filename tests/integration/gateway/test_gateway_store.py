"""What the gateway keeps of devices in PostgreSQL: serials, and the points to ask for after a gap."""

import pytest

from backend.core.db.engine import ENGINE, close_database, execute, fetch_one, open_database
from backend.core.ids import new_id
from protocol_gateway.collaborators import DatabaseDeviceStore, Point, StoreAway

ADDRESS = "790300000000"
pytestmark = pytest.mark.usefixtures("database")


async def _device() -> None:
    unit, device = new_id(), new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) "
        "values ($1, 'U1', '一号', '', 'Asia/Shanghai', now())",
        unit,
    )
    await execute(
        "insert into devices (id, unit, kind, address, power, profile, name, downlink_serial) "
        "values ($1, $2, 'uitd', $3, 'mains', 'standard', '', 0)",
        device,
        unit,
        ADDRESS,
    )
    for kind, address, quantity in ((40, "01000100", None), (92, "01000000", 2)):
        await execute(
            "insert into components (id, device, system_type, system_address, component_type, "
            "component_address, description, role, quantity) values ($1, $2, 1, 1, $3, $4, '', 'other', $5)",
            new_id(),
            device,
            kind,
            address,
            quantity,
        )


async def test_serials_are_kept_and_read_again():
    await _device()
    store = DatabaseDeviceStore()
    assert await store.serials() == {}
    await store.keep_serials({ADDRESS: 65, "ffff00000000": 65})
    assert await store.serials() == {ADDRESS: 65}


async def test_keeping_serials_is_no_change_of_the_registry():
    await _device()
    before = await fetch_one("select version from registry_version")
    await DatabaseDeviceStore().keep_serials({ADDRESS: 65})
    assert await fetch_one("select version from registry_version") == before


async def test_points_are_read_by_wire_key():
    await _device()
    assert await DatabaseDeviceStore().points(ADDRESS) == [
        Point(1, 1, "01000000", 2),
        Point(1, 1, "01000100", None),
    ]


async def test_a_database_that_is_away_says_so(database):
    await close_database()
    await open_database(database, pool=1)
    await ENGINE.pool.close()
    for call in (DatabaseDeviceStore().serials(), DatabaseDeviceStore().points(ADDRESS)):
        with pytest.raises(StoreAway):
            await call
