"""The six items of CQC/SC 11002-2025 4.3.2, each from octets on a socket to the words on the card, and its recovery."""

from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from typing import Any

import msgspec
import pytest

from backend.alarms.card import alarm_card
from backend.alarms.queries import alarms_for
from backend.core.db.engine import fetch
from backend.core.settings import Gateway
from backend.delivery.model import Card
from backend.intake import Committed, Intake
from backend.people.model import Person
from backend.people.queries import person_by_code
from backend.registry.directory import Directory
from backend.registry.importing import import_path
from protocol_gateway.server import GatewayServer
from protocol_gateway.simulator import SimulatedUitd

UITD = "790300000000"
HEIGHT, KPA = 2, 5


class Site:
    """The sample unit behind a real gateway."""

    def __init__(self, uitd: SimulatedUitd, manager: Person) -> None:
        self.uitd = uitd
        self.manager = manager

    async def cards(self) -> list[Card]:
        return [alarm_card(alarm, "zh_CN") for alarm in await alarms_for(self.manager, "active")]

    async def item(self) -> str:
        (row,) = await fetch("select item from alarms")
        return str(row["item"])


@pytest.fixture
async def site(database: str) -> AsyncIterator[Site]:
    with resources.as_file(resources.files("backend.demo").joinpath("sample")) as folder:
        await import_path(folder)
    directory = Directory()
    await directory.start()

    async def announce(_: Committed) -> None:
        """Nobody is rung for here."""

    manager = await person_by_code("wang")
    settings = msgspec.structs.replace(Gateway(), host="127.0.0.1", port=0, patrol_after_s=600)
    async with Intake(directory, announce) as intake:
        server = GatewayServer(settings, intake, directory)
        await server.start()
        uitd = SimulatedUitd(UITD, ("127.0.0.1", server.port))
        for kind, address in ((12, 902), (11, 912), (11, 915)):
            uitd.rests(kind, 1, 82, address, state=0x0021)  # the contact of a cabinet in automatic is closed
        await uitd.connect()
        yield Site(uitd, manager)
        await uitd.close()
        await server.drain()


Report = Callable[[SimulatedUitd], Awaitable[Any]]


def state(system: int, kind: int, address: int, word: int) -> Report:
    return lambda uitd: uitd.reports_state(system, 1, kind, address, state=word)


def value(system: int, kind: int, address: int, quantity: int, reading: int) -> Report:
    return lambda uitd: uitd.reports_analog(system, 1, kind, address, quantity=quantity, reading=reading)


def system(kind: int, word: int) -> Report:
    return lambda uitd: uitd.reports_system_state(kind, 1, word)


# fmt: off
CASES: list[tuple[str, str, Report, Report, str, tuple[str, ...]]] = [
    ("a", "detector", state(1, 42, 101, 0x0004), state(1, 42, 101, 0x0001), "1层大堂", ()),
    (
        "b",
        "tank low",
        value(11, 92, 921, HEIGHT, 120),
        value(11, 92, 921, HEIGHT, 290),
        "屋顶消防水箱水位",
        ("1.2", "2.7", "m"),
    ),
    (
        "b",
        "pool high",
        value(11, 92, 922, HEIGHT, 415),
        value(11, 92, 922, HEIGHT, 390),
        "消防水池水位",
        ("4.15", "4.1", "m"),
    ),
    (
        "c",
        "worst point",
        value(11, 0, 923, KPA, 900),
        value(11, 0, 923, KPA, 1700),
        "高区消火栓最不利点压力",
        ("90", "150", "kPa"),
    ),
    ("d", "cabinet contact", state(11, 82, 912, 0x0001), state(11, 82, 912, 0x0021),
     "消火栓泵控制柜自动状态", ()),
    ("d", "system manual", system(12, 1 << 11 | 1), system(12, 1), "", ()),
    (
        "e",
        "cabinet power contact",
        state(11, 82, 913, 0x0021),
        state(11, 82, 913, 0x0001),
        "消火栓泵控制柜电源故障",
        (),
    ),
    ("e", "system main power", system(11, 1 << 8 | 1), system(11, 1), "", ()),
    (
        "f",
        "test hydrant",
        value(11, 0, 925, KPA, 1200),
        value(11, 0, 925, KPA, 1700),
        "屋顶试验消火栓压力",
        ("120", "150", "kPa"),
    ),
    (
        "f",
        "outdoor hydrant",
        value(11, 0, 926, KPA, 1300),
        value(11, 0, 926, KPA, 1600),
        "室外消火栓压力",
        ("130", "140", "kPa"),
    ),
]
# fmt: on


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize(("item", "name", "goes_wrong", "recovers", "where", "words"), CASES, ids=[c[1] for c in CASES])
async def test_each_item_is_told_with_its_place_value_and_limit_and_ends(
    site: Site, item: str, name: str, goes_wrong: Report, recovers: Report, where: str, words: tuple[str, ...]
) -> None:
    await goes_wrong(site.uitd)
    (card,) = await site.cards()
    assert await site.item() == item
    assert where in card.where
    assert card.unit == "烽火示范大厦"
    told = " ".join(fact.value for fact in card.facts)
    assert all(word in told for word in words), told
    (notice,) = await fetch("select deadline_at - t1 as left, clause from notices")
    assert (notice["left"].total_seconds(), notice["clause"]) == (10, "CQC/SC 11002-2025 4.3.2")
    await recovers(site.uitd)
    (card,) = await site.cards()
    assert (card.status, card.is_active) == ("已恢复", False)


@pytest.mark.clause("4.3.2")
async def test_a_value_between_limit_and_hysteresis_does_not_recover(site: Site) -> None:
    await site.uitd.reports_analog(11, 1, 0, 925, quantity=KPA, reading=1400)
    await site.uitd.reports_analog(11, 1, 0, 925, quantity=KPA, reading=1550)
    (card,) = await site.cards()
    assert card.is_active


@pytest.mark.clause("4.1.1")
async def test_a_part_that_nobody_registered_is_alarmed_at_once_by_its_wire_key(site: Site) -> None:
    await site.uitd.reports_state(1, 1, 200, 0x00AABB, state=0x0002, text="临时加装")
    (card,) = await site.cards()
    assert (card.headline, "未知部件类型 200" in card.what, "临时加装" in card.where) == ("火警", True, True)
    assert "点表中没有此部件" in card.banner
