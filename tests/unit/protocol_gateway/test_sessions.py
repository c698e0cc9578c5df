"""Which device is on which way."""

import msgspec
import pytest

from backend.core.ids import DeviceId, UnitId, new_id
from backend.core.vocabulary import DeviceKind, Power
from backend.registry.model import DeviceFacts
from protocol_gateway import sessions as module
from protocol_gateway.sessions import Sessions
from protocol_gateway.ways import Way

A, B = "790300000000", "7a0300000000"


class Wire(Way):
    def send(self, octets):
        """Nobody is there."""


class Book:
    def __init__(self) -> None:
        self.facts = {}

    def device(self, address):
        return self.facts.get(address)

    def devices(self):
        return {one.id: one for one in self.facts.values()}


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def sessions(book):
    return Sessions(book, profile="standard", timezone="Asia/Shanghai", centre=bytes(6), patrol_after_s=30)


def wire(at=0.0, host="10.0.0.1"):
    return Wire(host, 5000, "tcp", rate=10, now=at)


def facts(address, **changed):
    plain = DeviceFacts(
        id=DeviceId(new_id()),
        address=address,
        unit=UnitId(new_id()),
        building=None,
        kind=DeviceKind.UITD,
        power=Power.MAINS,
        profile="jk",
        name="",
        timezone="Asia/Urumqi",
    )
    return msgspec.structs.replace(plain, **changed)


def test_identity_is_the_source_address_then_the_link_then_the_peer(sessions):
    way = wire()
    assert sessions.identify(A, way) == A
    assert sessions.identify("0" * 12, way) == "peer:10.0.0.1"
    sessions.bind(sessions.of(A, 0.0), way)
    assert sessions.identify("f" * 12, way) == A


def test_a_link_of_several_devices_names_nobody(sessions):
    way = wire()
    for address in (A, B):
        sessions.bind(sessions.of(address, 0.0), way)
    assert sessions.identify("0" * 12, way) == "peer:10.0.0.1"


def test_a_newer_way_takes_the_device_and_a_word_on_the_older_does_not_take_it_back(sessions):
    old, new, session = wire(0.0), wire(1.0), sessions.of(A, 0.0)
    assert sessions.bind(session, old)
    assert sessions.bind(session, new)
    assert not sessions.bind(session, old)
    assert session.way is new
    assert sessions.is_superseded(old)
    new.is_open = False
    assert sessions.bind(session, old)


def test_only_devices_that_have_no_other_way_are_left(sessions):
    old, new = wire(0.0), wire(1.0)
    moved, stays = sessions.of(A, 0.0), sessions.of(B, 0.0)
    sessions.bind(moved, old)
    sessions.bind(stays, old)
    sessions.bind(moved, new)
    assert sessions.leave(old) == [stays]
    assert (moved.way, stays.way) == (new, None)


def test_a_registration_brings_profile_zone_and_patrol_and_keeps_the_serial(sessions, book):
    sessions.start_from({A: 77})
    session = sessions.of(A, 0.0)
    assert (session.reading.profile.name, session.is_adopted) == ("standard", False)
    session.unsupported.add(81)
    book.facts[A] = facts(A)
    assert sessions.of(A, 1.0) is session
    assert (session.reading.profile.name, str(session.reading.zone)) == ("jk", "Asia/Urumqi")
    assert session.is_mains
    assert session.unsupported == set()
    assert session.link.serial == 77


def test_the_same_registration_read_again_changes_nothing(sessions, book):
    book.facts[A] = facts(A)
    session = sessions.of(A, 0.0)
    link = session.link
    book.facts[A] = msgspec.structs.replace(book.facts[A])
    sessions.of(A, 1.0)
    assert session.link is link


def test_a_device_without_a_unit_is_asked_nothing(sessions, book):
    book.facts[A] = facts(A, unit=None)
    assert not sessions.of(A, 0.0).is_mains


def test_strangers_are_forgotten_before_they_fill_the_memory(sessions, monkeypatch):
    monkeypatch.setattr(module, "MOST_STRANGERS", 10)
    for number in range(50):
        sessions.of(number.to_bytes(6, "little").hex(), 0.0)
    assert len(sessions) == 10
