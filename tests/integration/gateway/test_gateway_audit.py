"""What the gateway asks of devices when nothing presses, what it lists of their clocks, and whom it turns away."""

import asyncio
from datetime import timedelta

import pytest

from backend.core.metrics import REFUSED_PEERS
from backend.core.vocabulary import Power
from backend.monitoring.model import Level, OperationSaid, Subject, TextSaid
from protocol_gateway.audit import ASKS_A_TURN, FIRST_AFTER_S, FIRST_SPREAD_S, TURN_S, WEEK_S
from protocol_gateway.collaborators import Point, StoreAway
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.objects import facility, uitd
from protocol_gateway.gb26875.objects.inquiries import ReadOperations, ReadUitdOperations
from protocol_gateway.gb26875.tables import ANSWER_TYPES, Command, TypeFlag
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock
from protocol_gateway.limits import MOST_NEWCOMERS, Limit
from protocol_gateway.server import _BUSY
from protocol_gateway.simulator import SimulatedUitd

ADDRESS = "790300000000"
FIRST_S = FIRST_AFTER_S + FIRST_SPREAD_S
POINTS = [Point(1, 1, number.to_bytes(4, "little").hex()) for number in range(30)]
POINTS += [Point(1, 1, "01000000", quantity=2), Point(11, 2, "01000000", quantity=5)]
INVENTORY = [85, 86, 65, 65, 66, 67, 67]
CLOCKS = [88, 68, 68]
STATES = {TypeFlag.SYNCHRONISE_CLOCK, *(TypeFlag(flag) for flag in (61, 62, 63, 81))}
ZONE_HOURS = timedelta(hours=8)


class Device:
    """A device that beats every 20 s and answers what it is asked; `ignored` types it does not hear."""

    def __init__(self, stand, speech, peer, address=ADDRESS) -> None:
        self.stand, self.speech, self.peer, self.address = stand, speech, peer, address
        self.asked = []
        self.ignored = set()
        self.adus = {}
        self._serial = 1000

    @property
    def audited(self) -> list[int]:
        return [frame.type_flag for frame in self.asked if frame.type_flag not in STATES]

    def beat(self) -> None:
        self._serial += 1
        local = self.stand.time.now() + ZONE_HOURS
        shown = WallClock(local.year, local.month, local.day, local.hour, local.minute, local.second)
        self.peer.send(self.speech.frame(address=self.address, serial=self._serial, shown=shown))

    async def hear(self) -> None:
        """Beat, and take all that comes until the beat is confirmed."""
        self.beat()
        while True:
            frame = await self.peer.frame()
            if frame.command == Command.CONFIRM and frame.serial == self._serial:
                return
            await self._take(frame)

    async def live(self, seconds: float, step: float = 20) -> None:
        while seconds > 0:
            await self.stand.advance(min(step, seconds))
            seconds -= step
            await self.hear()

    async def _take(self, frame) -> None:
        if frame.command not in (Command.REQUEST, Command.CONTROL):
            return
        self.asked.append(frame)
        if frame.type_flag in self.ignored:
            return
        if frame.command == Command.CONTROL:
            self.peer.send(self.speech.confirm(frame))
            return
        before = len(self.stand.intake.entries("frame_in"))
        adu = self.adus.get(frame.type_flag, bytes((ANSWER_TYPES[frame.type_flag], 0)))
        self.peer.send(self.speech.frame(adu, address=self.address, command=Command.RESPONSE, serial=frame.serial))
        await self.stand.until(lambda: len(self.stand.intake.entries("frame_in")) > before)


@pytest.fixture
async def device(stand, speech) -> Device:
    stand.directory.add(ADDRESS)
    stand.store.known[ADDRESS] = POINTS
    one = Device(stand, speech, await stand.peer())
    await one.hear()
    return one


def refused() -> float:
    return REFUSED_PEERS.labels(Limit.STRANGERS)._value.get()


async def lose_and_find(stand, speech) -> Device:
    """The device hangs up, is lost, and dials again."""
    await stand.advance(95)
    back = Device(stand, speech, await stand.peer())
    await back.hear()
    return back


async def test_versions_configurations_and_clocks_are_asked_minutes_after_the_first_contact(device):
    await device.live(FIRST_AFTER_S - 10)
    assert device.audited == []
    await device.live(FIRST_SPREAD_S + 300, step=10)
    assert device.audited == INVENTORY + CLOCKS
    grouped = [frame.adu[1] for frame in device.asked if frame.type_flag == TypeFlag.READ_COMPONENT_CONFIGURATION]
    assert grouped == [26, 5]
    systems = [frame.adu[2:4] for frame in device.asked if frame.type_flag == TypeFlag.READ_SOFTWARE_VERSION]
    assert systems == [bytes((1, 1)), bytes((11, 2))]


async def test_the_audit_is_asked_again_after_a_week_and_not_before(device):
    await device.live(FIRST_S + 300, step=10)
    assert device.audited == INVENTORY + CLOCKS
    device.asked.clear()
    stand = device.stand
    stand.time.advance(timedelta(seconds=WEEK_S - 2 * FIRST_S))
    await device.hear()
    await device.live(60)
    assert device.audited == []
    await device.live(2 * FIRST_S + 300, step=5)
    assert device.audited == INVENTORY + CLOCKS


async def test_a_device_that_dials_again_within_the_week_is_not_asked_again(device, stand, speech):
    await device.live(FIRST_S + 300, step=10)
    await device.peer.close()
    await stand.until(lambda: not stand.server._connections)
    again = Device(stand, speech, await stand.peer())
    await again.hear()
    await again.live(FIRST_S + 300)
    assert again.audited == []


async def test_what_a_closed_connection_took_along_is_asked_on_the_next_one(device, stand, speech):
    device.ignored.add(TypeFlag.READ_UITD_VERSION)
    while device.audited != [85]:
        await device.live(1, step=1)
    await device.peer.close()
    await stand.until(lambda: not stand.server._connections)
    again = Device(stand, speech, await stand.peer())
    await again.hear()
    await again.live(120, step=5)
    assert again.audited == INVENTORY + CLOCKS


async def test_a_type_that_the_audit_asked_in_vain_three_times_is_not_asked_the_next_week(device):
    device.ignored.add(TypeFlag.READ_SOFTWARE_VERSION)
    await device.live(FIRST_S + 300, step=5)
    assert device.audited == [85, 86, *[65] * 4, 66, 67, 67, *CLOCKS]
    device.asked.clear()
    device.stand.time.advance(timedelta(seconds=WEEK_S - FIRST_S))
    await device.hear()
    await device.live(FIRST_S + 300, step=5)
    assert device.audited == [85, 86, 66, 67, 67, *CLOCKS]


async def test_states_and_orders_go_before_what_the_audit_still_has_to_ask(device, stand):
    while not device.audited:
        await device.live(1, step=1)
    order = asyncio.create_task(stand.server.downlink.request(ADDRESS, TypeFlag.SYNCHRONISE_CLOCK))
    await asyncio.sleep(0)
    await device.live(3, step=1)
    assert [frame.type_flag for frame in device.asked][-3:] != INVENTORY[:3]
    assert TypeFlag.SYNCHRONISE_CLOCK in [frame.type_flag for frame in device.asked][-3:]
    assert (await order).value == "done"


async def test_battery_devices_and_strangers_are_not_audited(stand, speech):
    stand.directory.add(ADDRESS, power=Power.BATTERY)
    peer = await stand.peer()
    device, stranger = Device(stand, speech, peer), Device(stand, speech, await stand.peer(), "7b0300000000")
    await device.hear()
    await stranger.hear()
    await stand.advance(FIRST_S + 60)
    await device.hear()
    await stranger.hear()
    assert device.audited == stranger.audited == []


async def test_operation_records_are_asked_from_the_last_known_time_after_a_gap(device, stand, speech):
    await device.live(20)
    await device.peer.close()
    await stand.until(lambda: not stand.server._connections)
    back = await lose_and_find(stand, speech)
    await back.live(10, step=1)
    assert back.audited == [84, 64, 64]
    since = TimeTag.of(WallClock(2026, 11, 22, 12, 0, 20)).octets
    asked = [frame.adu[2:] for frame in back.asked if frame.type_flag in (64, 84)]
    assert asked == [bytes((102,)) + since, bytes((1, 1, 102)) + since, bytes((11, 2, 102)) + since]


async def test_a_reconnection_without_a_gap_asks_for_no_records(device, stand, speech):
    await device.peer.close()
    await stand.until(lambda: not stand.server._connections)
    again = Device(stand, speech, await stand.peer())
    await again.hear()
    await again.live(30, step=1)
    assert again.audited == []


async def test_a_reset_read_back_from_before_is_listed_and_ends_nothing(device, stand, speech):
    await device.peer.close()
    await stand.until(lambda: not stand.server._connections)
    back = await lose_and_find(stand, speech)
    in_the_gap, before_it = TimeTag.of(WallClock(2026, 11, 22, 12, 1, 0)), TimeTag.of(WallClock(2026, 11, 20, 9, 0, 0))
    records = (
        facility.FacilityOperation(1, 1, 0b001, 7, in_the_gap),
        facility.FacilityOperation(1, 1, 0b100, 7, in_the_gap),
        facility.FacilityOperation(1, 1, 0b100, 8, before_it),
    )
    back.adus[TypeFlag.READ_OPERATIONS] = encode_adu(TypeFlag.FACILITY_OPERATION, records)
    back.adus[TypeFlag.READ_UITD_OPERATIONS] = encode_adu(
        TypeFlag.UITD_OPERATION, (uitd.UitdOperation(0b011, 1, in_the_gap),)
    )
    await back.live(20, step=1)
    panel = Subject(level=Level.SYSTEM, system_type=1, system_address=1)
    told = stand.intake.said(OperationSaid)
    assert {(said.subject.level, said.flags, said.operator) for said in told} == {
        (panel.level, 0b100, 7),
        (Level.UITD, 0b010, 1),
    }
    listed = {said.text for said in stand.intake.said(TextSaid) if said.kind == "operation_record"}
    assert listed == {"复位 #7", "手动报警 #8", "复位、消音 #1"}


async def test_a_reset_that_the_device_reports_of_itself_is_told_as_ever(device, stand, speech):
    reset = facility.FacilityOperation(1, 1, 1, 7, TimeTag.of(WallClock(2026, 11, 22, 12, 0, 0)))
    device.peer.send(speech.frame(encode_adu(TypeFlag.FACILITY_OPERATION, (reset,)), serial=7))
    await stand.until(lambda: bool(stand.intake.said(OperationSaid)))
    assert stand.intake.said(OperationSaid)[0].flags == 1


async def test_a_fleet_that_connects_at_once_is_audited_at_a_bounded_rate(stand, speech):
    count = 60
    for number in range(count):
        stand.directory.add((5000 + number).to_bytes(6, "little").hex())
    peer = await stand.peer()
    for number in range(count):
        peer.send(speech.frame(address=(5000 + number).to_bytes(6, "little").hex()))
    await stand.until(lambda: len(stand.intake.entries("frame_in")) == count)
    sessions = list(stand.server.sessions)
    for session in sessions:  # all fall due in the same second, and have nothing else to answer
        session.link.disconnect()
        session.asks.clear()
        stand.server.audit._weekly(session, session.agenda, 0.0)
    before = len(_audits(stand))
    for _ in range(12):
        await stand.advance(TURN_S)
        await asyncio.sleep(0)
        now = len(_audits(stand))
        assert now - before <= ASKS_A_TURN
        before = now
    assert before == count


async def test_nothing_is_audited_while_frames_wait_for_their_commit(device, stand):
    stand.server.reception.in_hand += _BUSY + 1
    await device.live(FIRST_S + 60)
    assert device.audited == []
    stand.server.reception.in_hand -= _BUSY + 1
    await device.live(60, step=5)
    assert device.audited == INVENTORY + CLOCKS


async def test_points_that_can_not_be_read_are_asked_for_later(device, stand, monkeypatch):
    async def away(_address):
        raise StoreAway("database")

    with monkeypatch.context() as patch:
        patch.setattr(stand.store, "points", away)
        await device.live(FIRST_S + 30)
    assert device.audited == []
    await device.live(180, step=10)
    assert device.audited == INVENTORY + CLOCKS


async def test_a_registration_that_changes_is_audited_anew(device, stand):
    await device.live(FIRST_S + 300, step=10)
    device.asked.clear()
    stand.directory.add(ADDRESS)
    await device.hear()
    await device.live(FIRST_S + 300, step=10)
    assert device.audited == INVENTORY + CLOCKS


async def test_a_clock_more_than_a_minute_off_is_listed_once_a_day(device, stand, speech):
    slow = speech.frame(shown=WallClock(2026, 11, 22, 11, 58, 0), serial=2)
    for _ in range(3):
        device.peer.send(slow)
    await stand.until(lambda: len(stand.intake.entries("frame_in")) == 5)
    notes = [said for said in stand.intake.said(TextSaid) if said.kind == "clock_off"]
    assert [(said.subject.level, said.text) for said in notes] == [(Level.UITD, "-120 s")]
    report = next(one for one in stand.intake.reports if notes[0] in one.statements)
    assert (report.address, report.is_heard, report.fingerprint) == (ADDRESS, False, None)
    assert [entry.facts for entry in stand.intake.entries("link") if "clock_off" in entry.facts] == [
        {"clock_off": "-120 s"}
    ]
    stand.time.advance(timedelta(days=1))
    device.peer.send(slow)
    await stand.until(lambda: len([one for one in stand.intake.said(TextSaid) if one.kind == "clock_off"]) == 2)


async def test_a_clock_that_is_right_is_not_listed_nor_a_strangers_at_all(device, stand, speech):
    await device.live(60)
    device.peer.send(speech.frame(address="555555555555", shown=WallClock(2020, 1, 1, 0, 0, 0)))
    await device.hear()
    assert [said for said in stand.intake.said(TextSaid) if said.kind == "clock_off"] == []


async def test_a_peer_closed_for_garbage_is_logged_with_its_port_and_first_octets(stand, caplog):
    peer = await stand.peer()
    host, port = peer.writer.get_extra_info("sockname")
    peer.send(b"\x01\x02" + b"\x03" * 70_000)
    assert await peer.is_hung_up_on()
    line = next(one for one in caplog.records if getattr(one, "limit", "") == Limit.GARBAGE)
    assert (line.peer, line.octets) == (f"{host}:{port}", "0102" + "03" * 62)


async def test_a_host_brings_in_a_bounded_number_of_strangers_a_minute_and_all_are_recorded_and_confirmed(
    stand, speech, caplog
):
    before, sent = refused(), MOST_NEWCOMERS + 10
    peer = await stand.peer()
    for number in range(sent):
        peer.send(speech.fire(address=(9000 + number).to_bytes(6, "little").hex(), serial=number))
    answers = await peer.frames(sent)
    assert {one.command for one in answers} == {Command.CONFIRM}
    assert sorted(one.serial for one in answers) == list(range(sent))
    assert len(stand.intake.reports) == MOST_NEWCOMERS
    refusals = stand.intake.entries("stranger")
    assert [entry.address for entry in refusals] == [
        (9000 + number).to_bytes(6, "little").hex() for number in range(MOST_NEWCOMERS, sent)
    ]
    assert refused() - before == len(refusals) == 10
    assert len([one for one in caplog.records if getattr(one, "limit", "") == Limit.STRANGERS]) == 1
    assert len(stand.server.sessions) == MOST_NEWCOMERS


async def test_a_stranger_beyond_the_bound_is_confirmed_only_after_its_commit(stand, speech):
    peer = await stand.peer()
    peer.send(b"".join(speech.frame(address=f"{number:012d}") for number in range(1, MOST_NEWCOMERS + 1)))
    await peer.frames(MOST_NEWCOMERS)
    stand.intake.is_held = True
    peer.send(speech.fire(address="aa0000000000", serial=99))
    await stand.until(lambda: bool(stand.intake.entries("stranger")))
    assert await peer.hears_nothing()
    stand.intake.release()
    assert (await peer.frame()).serial == 99


async def test_known_devices_and_other_hosts_are_heard_when_a_host_has_brought_too_many(stand, speech):
    stand.directory.add(ADDRESS)
    peer = await stand.peer()
    peer.send(b"".join(speech.frame(address=f"{number:012d}") for number in range(1, MOST_NEWCOMERS + 2)))
    await peer.frames(MOST_NEWCOMERS + 1)
    peer.send(speech.fire(serial=5) + speech.fire(address=f"{1:012d}", serial=6))
    _, writer = await asyncio.open_connection("127.0.0.1", stand.server.port, local_addr=("127.0.0.9", 0))
    writer.write(speech.fire(address="aa0000000000"))
    heard = {ADDRESS, f"{1:012d}", "aa0000000000"}
    await stand.until(lambda: heard == {one.address for one in stand.intake.reports if one.statements} - {""})
    writer.close()
    await writer.wait_closed()


async def test_a_minute_later_a_stranger_turned_away_becomes_a_device(stand, speech):
    peer = await stand.peer()
    peer.send(b"".join(speech.frame(address=f"{number:012d}") for number in range(1, MOST_NEWCOMERS + 2)))
    await peer.frames(MOST_NEWCOMERS + 1)
    assert stand.server.sessions.get(f"{MOST_NEWCOMERS + 1:012d}") is None
    await stand.advance(60)
    peer.send(speech.fire(address=f"{MOST_NEWCOMERS + 1:012d}", serial=3))
    await peer.frame()
    assert stand.intake.reports[-1].address == f"{MOST_NEWCOMERS + 1:012d}"


async def test_a_simulated_device_answers_with_the_operations_it_reported(live_stand):
    live_stand.directory.add(ADDRESS)
    device = SimulatedUitd(889, ("127.0.0.1", live_stand.server.port))
    await device.connect()
    try:
        operation = facility.FacilityOperation(1, 1, 2, 7, device.time_tag())
        await device.reports(TypeFlag.FACILITY_OPERATION, operation)
        since = TimeTag.of(WallClock(2020, 1, 1))
        asked = TypeFlag.READ_OPERATIONS
        request = live_stand.server.downlink.request
        assert (await request(ADDRESS, asked, (ReadOperations(1, 1, 102, since),))).value == "done"
        none = (ReadUitdOperations(102, since),)
        assert (await request(ADDRESS, TypeFlag.READ_UITD_OPERATIONS, none)).value == "done"
        assert [(said.flags, said.operator) for said in live_stand.intake.said(OperationSaid)] == [(2, 7), (2, 7)]
    finally:
        await device.close()


def _audits(stand) -> list[int]:
    frames = [entry.octets for entry in stand.intake.entries("frame_out")]
    flags = [octets[27] for octets in frames]
    return [flag for flag in flags if flag in {64, 65, 66, 67, 68, 84, 85, 86, 88}]
