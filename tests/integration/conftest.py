"""A registered unit with one device and one manager, and the front door to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.db.engine import execute
from backend.core.ids import LedgerId, new_id
from backend.core.settings import Storms
from backend.intake import Committed, Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import Report, Statement
from backend.registry.directory import Directory


class Door:
    """The front door with what a test needs around it."""

    def __init__(self, intake: Intake, announced: list[Committed]) -> None:
        self.intake = intake
        self.announced = announced
        self.serial = 0

    async def hears(
        self,
        *statements: Statement,
        address: str = "790300000000",
        at: datetime | None = None,
        print_: bytes = b"",
        since_print: bytes | None = None,
    ) -> LedgerId:
        self.serial += 1
        ledger_id = LedgerId(new_id())
        at = at or clock.now()
        fingerprint = print_ or self.serial.to_bytes(4, "big")
        report = Report(
            address=address,
            ledger_id=ledger_id,
            received_at=at,
            first_octet_at=at,
            statements=statements,
            fingerprint=fingerprint,
            since_fingerprint=since_print,
            sent_at=at,
            peer="10.0.0.1:5001",
        )
        entry = Entry(id=ledger_id, kind="frame_in", received_at=at, octets=b"@@##", address=address)
        await self.intake.take(Incoming(entry=entry, report=report))
        return ledger_id


@pytest.fixture
async def door(unit: dict[str, UUID], request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    directory = Directory()
    await directory.start()
    announced: list[Committed] = []

    async def announce(committed: Committed) -> None:
        announced.append(committed)

    storms = Storms(is_on=request.node.get_closest_marker("told_apart") is None)
    async with Intake(directory, announce, storms=storms) as intake:
        yield Door(intake, announced)


@pytest.fixture
async def unit(database: str) -> dict[str, UUID]:
    """示范大厦 with 1号楼, one UITD and 王经理, reached by app and telegram."""
    unit, building, device, person = new_id(), new_id(), new_id(), new_id()
    now = clock.now()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'u1', '示范大厦', '', 'Asia/Shanghai', $2)""",
        unit,
        now,
    )
    await execute(
        "insert into buildings (id, unit, code, name, address) values ($1,$2,'b1','1号楼','')", building, unit
    )
    await execute(
        """insert into devices (id, unit, building, kind, address, power, profile, name, adopted_at, downlink_serial)
           values ($1,$2,$3,'uitd','790300000000','mains','standard','1号传输装置',$4,0)""",
        device,
        unit,
        building,
        now,
    )
    await execute(
        """insert into people (id, code, name, phone, language, is_active, created_at)
           values ($1,'wang','王经理','13800000001','zh_CN',true,$2)""",
        person,
        now,
    )
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1,$2,'unit_manager',$3,$4)",
        new_id(),
        person,
        unit,
        now,
    )
    for channel, address in (("app", "wang"), ("telegram", "100001")):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1,$2,$3,$4,1,$5,$5)""",
            new_id(),
            person,
            channel,
            address,
            now,
        )
    return {"unit": unit, "device": device, "manager": person}


@pytest.fixture
async def add_person(database: str) -> Callable[..., Awaitable[UUID]]:
    """Adds a person with a role and their contact points."""

    async def add(code: str, name: str, role: str, unit: UUID | None, **contacts: str) -> UUID:
        person, now = new_id(), clock.now()
        await execute(
            """insert into people (id, code, name, phone, language, is_active, created_at)
               values ($1, $2, $3, '', 'zh_CN', true, $4)""",
            person,
            code,
            name,
            now,
        )
        await execute(
            "insert into grants (id, person, role, unit, granted_at) values ($1, $2, $3, $4, $5)",
            new_id(),
            person,
            role,
            unit,
            now,
        )
        for channel, address in contacts.items():
            await execute(
                """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
                   values ($1, $2, $3, $4, 1, $5, $5)""",
                new_id(),
                person,
                channel,
                address,
                now,
            )
        return person

    return add
