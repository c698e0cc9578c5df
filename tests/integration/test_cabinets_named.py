"""Item d of a whole system: its word doesn't say which cabinet, so the card names all at its address."""

from typing import Any
from uuid import UUID

import pytest

from backend.alarms.queries import alarms_for, card_for
from backend.core.db.engine import execute
from backend.core.ids import PersonId, new_id
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.model import Person
from backend.people.queries import person
from backend.registry.directory import Directory
from backend.registry.model import ComponentRole

MANUAL = 1 << 11
ROLES = (ComponentRole.PUMP_CABINET_AUTO, ComponentRole.PUMP_CABINET_MANUAL)
POINTS = (
    (12, 1, "01000000", "2号喷淋泵控制柜", "pump_cabinet_auto"),
    (12, 1, "00000000", "1号喷淋泵控制柜", "pump_cabinet_manual"),
    (12, 1, "02000000", "1号喷淋泵控制柜", "pump_cabinet_auto"),
    (12, 1, "03000000", "1号喷淋泵电源", "pump_cabinet_power"),
    (12, 2, "00000000", "3号喷淋泵控制柜", "pump_cabinet_auto"),
)


@pytest.fixture
async def manager(unit: dict[str, UUID]) -> Person:
    """The unit's manager, and the unit's cabinets."""
    for system_type, system_address, address, description, role in POINTS:
        await execute(
            """insert into components (id, device, system_type, system_address, component_type, component_address,
                 description, role) values ($1, $2, $3, $4, 82, $5, $6, $7)""",
            new_id(),
            unit["device"],
            system_type,
            system_address,
            address,
            description,
            role,
        )
    return await person(PersonId(unit["manager"]))


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize(
    ("system_address", "named"), [(1, "1号喷淋泵控制柜、2号喷淋泵控制柜"), (2, "3号喷淋泵控制柜"), (3, None)]
)
async def test_a_system_in_manual_names_the_cabinets_at_its_address(
    manager: Person, door: Any, system_address: int, named: str | None
) -> None:
    subject = Subject(level=Level.SYSTEM, system_type=12, system_address=system_address)
    await door.hears(StateSaid(subject=subject, state=MANUAL))
    (alarm,) = await alarms_for(manager, "active")
    card = await card_for(manager, alarm.id, "zh_CN")
    assert alarm.item == "d"
    assert {fact.label: fact.value for fact in card.facts}.get("控制柜") == named


async def test_the_directory_answers_components_of_a_system_by_role(manager: Person, unit: dict[str, UUID]) -> None:
    assert manager
    directory = Directory()
    await directory.start()
    device = directory.device("790300000000")
    assert device is not None
    power = directory.components_of(device.id, 12, 1, {ComponentRole.PUMP_CABINET_POWER})
    assert [each.description for each in power] == ["1号喷淋泵电源"]
    assert len(directory.components_of(device.id, 12, 1, ROLES)) == 3
    assert directory.components_of(device.id, 11, 1, ROLES) == []
