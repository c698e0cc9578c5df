"""Frames in, answers out: confirm after commit, deny or silence by the table, repeats, several devices, UDP."""

import asyncio

import pytest

from backend.monitoring.model import StateSaid, UnreadableSaid
from protocol_gateway.gb26875.frame import read_frame
from protocol_gateway.gb26875.tables import Command
from tests.patience import PATIENCE_S


async def test_a_fire_is_recorded_translated_and_confirmed(stand, speech):
    peer = await stand.peer()
    peer.send(speech.fire(serial=7))
    confirm = await peer.frame()
    assert (confirm.command, confirm.serial, confirm.adu) == (Command.CONFIRM, 7, b"")
    assert confirm.destination.hex() == "790300000000"
    assert confirm.source.hex() == "640000000000"
    assert confirm.sent_at.isoformat() == "2026-11-22T12:00:00"
    report = stand.intake.reports[0]
    said = report.statements[0]
    assert isinstance(said, StateSaid)
    assert (said.subject.component_address, said.state, said.description) == ("0a000200", 3, "三层东走廊")
    assert said.device_time == stand.time.now()
    assert not said.is_test
    entry = stand.intake.entries("frame_in")[0]
    assert entry.octets == speech.fire(serial=7)
    assert (entry.address, entry.gateway) == ("790300000000", "gateway-1")
    assert report.ledger_id == entry.id


async def test_a_device_is_confirmed_only_after_its_frame_is_durable(stand, speech):
    stand.intake.is_held = True
    peer = await stand.peer()
    peer.send(speech.fire())
    await stand.until(lambda: len(stand.intake.taken) == 1)
    assert await peer.hears_nothing()
    stand.intake.release()
    assert (await peer.frame()).command == Command.CONFIRM


async def test_a_frame_that_could_not_be_made_durable_is_not_answered_and_its_resend_is(stand, speech):
    stand.intake.is_refusing = True
    peer = await stand.peer()
    peer.send(speech.fire())
    assert await peer.hears_nothing()
    stand.intake.is_refusing = False
    peer.send(speech.fire())
    assert (await peer.frame()).command == Command.CONFIRM


async def test_a_repeat_is_appended_and_confirmed_again_under_the_same_fingerprint(stand, speech):
    peer = await stand.peer()
    peer.send(speech.fire() + speech.fire())
    assert [frame.command for frame in await peer.frames(2)] == [Command.CONFIRM, Command.CONFIRM]
    first, second = stand.intake.reports
    assert first.fingerprint == second.fingerprint
    assert first.ledger_id != second.ledger_id


async def test_the_same_words_after_a_reset_are_no_repeat(stand, speech):
    reset = bytes.fromhex("0101") + bytes((1, 1)) + (1 | 1 << 13).to_bytes(2, "little") + bytes(6)
    peer = await stand.peer()
    peer.send(speech.fire() + speech.frame(reset, serial=1) + speech.fire())
    await peer.frames(3)
    first, _, again = stand.intake.reports
    assert (first.fingerprint, first.since_fingerprint) == (again.fingerprint, None)
    assert again.since_fingerprint not in {None, first.fingerprint}


async def test_a_reset_sent_again_is_known_by_its_octets_and_begins_nothing_anew(stand, speech):
    reset = bytes.fromhex("0101") + bytes((1, 1)) + (1 | 1 << 13).to_bytes(2, "little") + bytes(6)
    peer = await stand.peer()
    peer.send(speech.frame(reset, serial=2) + speech.fire(serial=3) + speech.frame(reset, serial=2))
    await peer.frames(3)
    peer.send(speech.fire(serial=3))
    await peer.frame()
    first, fire, repeat, fire_again = stand.intake.reports
    assert first.fingerprint == repeat.fingerprint
    assert fire.since_fingerprint == fire_again.since_fingerprint


async def test_several_devices_share_one_connection_and_each_is_answered(stand, speech):
    peer = await stand.peer()
    peer.send(speech.fire(address="790300000000", serial=1) + speech.fire(address="7a0300000000", serial=9))
    answers = await peer.frames(2)
    assert [(one.destination.hex(), one.serial) for one in answers] == [("790300000000", 1), ("7a0300000000", 9)]
    assert [report.address for report in stand.intake.reports] == ["790300000000", "7a0300000000"]


async def test_a_frame_in_single_octets_is_one_frame_whose_first_octet_is_timed(stand, speech):
    peer = await stand.peer()
    fire = speech.fire()
    peer.send(fire[:1])
    await stand.until(lambda: any(len(one._buffer) for one in stand.server._connections))
    await stand.advance(0.3)
    peer.send(fire[1:])
    assert (await peer.frame()).command == Command.CONFIRM
    report = stand.intake.reports[0]
    assert (report.received_at - report.first_octet_at).total_seconds() == pytest.approx(0.3)


async def test_a_device_without_an_address_is_known_by_its_link_else_by_its_peer(stand, speech):
    peer = await stand.peer()
    peer.send(speech.frame(address="000000000000"))
    await peer.frame()
    bound = await stand.peer()
    bound.send(speech.frame(address="790300000000") + speech.frame(address="ffffffffffff"))
    answers = await bound.frames(2)
    assert answers[1].destination.hex() == "ffffffffffff"
    assert [one.address for one in stand.intake.reports] == ["peer:127.0.0.1", "790300000000", "790300000000"]


async def test_a_heartbeat_is_confirmed_and_says_nothing(stand, speech):
    peer = await stand.peer()
    peer.send(speech.frame())
    assert (await peer.frame()).command == Command.CONFIRM
    report = stand.intake.reports[0]
    assert (report.statements, report.fingerprint, report.is_heard) == ((), None, True)


async def test_an_unreadable_report_is_confirmed_and_told_with_the_fire_in_its_text(stand, speech):
    peer = await stand.peer()
    peer.send(speech.frame(bytes((200, 1)) + "三层火警".encode("gb18030")))
    assert (await peer.frame()).command == Command.CONFIRM
    said = stand.intake.said(UnreadableSaid)[0]
    assert said.type_flag == 200
    assert "火警" in said.fire_text


@pytest.mark.parametrize("command", [0, 4, 7, 100, 200])
async def test_an_unrecognised_command_is_recorded_and_denied(stand, speech, command):
    peer = await stand.peer()
    peer.send(speech.frame(command=command, serial=5))
    deny = await peer.frame()
    assert (deny.command, deny.serial) == (Command.DENY, 5)
    assert stand.intake.reports[0].statements == ()


async def test_a_confirm_a_deny_and_a_response_are_not_answered(stand, speech):
    peer = await stand.peer()
    peer.send(
        speech.frame(command=Command.CONFIRM)
        + speech.frame(command=Command.DENY)
        + speech.frame(bytes.fromhex("150101000000000000"), command=Command.RESPONSE)
    )
    await stand.until(lambda: len(stand.intake.taken) == 3)
    assert await peer.hears_nothing()
    assert len(stand.intake.said(StateSaid)) == 1


async def test_a_wrong_checksum_is_denied_at_most_once_a_second_and_kept_as_bad_octets(stand, speech):
    peer = await stand.peer()
    peer.send(speech.damaged(speech.frame(serial=3)))
    deny = await peer.frame()
    assert (deny.command, deny.serial) == (Command.DENY, 3)
    peer.send(speech.damaged(speech.frame(serial=4)))
    assert await peer.hears_nothing()
    await stand.advance(1.0)
    peer.send(speech.damaged(speech.frame(serial=5)))
    assert (await peer.frame()).serial == 5
    faults = [entry.facts["fault"] for entry in stand.intake.entries("bad_octets")]
    assert faults.count("checksum") == 3


async def test_garbage_before_a_fire_costs_nothing_but_itself(stand, speech):
    peer = await stand.peer()
    peer.send(b"\x00noise@" + speech.frame()[:12] + speech.fire(serial=8))
    await stand.until(lambda: len(stand.intake.entries("bad_octets")) > 0)
    await stand.advance(1.0)  # the cut frame claims the fire's octets until its hold time is over
    answer = await peer.frame()
    while answer.command != Command.CONFIRM:
        answer = await peer.frame()
    assert answer.serial == 8
    assert len(stand.intake.said(StateSaid)) == 1


async def test_a_dahua_device_that_asks_for_the_time_gets_it_and_its_keep_alive_is_confirmed(stand, speech):
    stand.directory.add("998877665544", profile="dahua")
    peer = await stand.peer()
    asks = bytes.fromhex("5a01000000010114")
    peer.send(speech.frame(asks, address="998877665544", command=Command.CONTROL, serial=44))
    peer.send(speech.frame(address="998877665544", command=7, serial=45))
    answers = {one.serial: one for one in await peer.frames(3)}
    assert (answers[44].command, answers[44].type_flag) == (Command.CONTROL, 90)
    assert answers[45].command == Command.CONFIRM


@pytest.mark.parametrize("limits", [{"profile": "printer-text"}])
async def test_a_printer_text_heartbeat_of_twelve_octets_gets_its_own_answer(stand):
    peer = await stand.peer()
    peer.send(b"@@" + bytes.fromhex("0925518012ff") + b"\x04\x88##")
    async with asyncio.timeout(PATIENCE_S):
        assert await peer.reader.readexactly(12) == b"@@" + bytes(8) + b"##"
    assert stand.intake.reports[0].address == "0925518012ff"


async def test_a_datagram_is_answered_to_where_it_came_from(stand, speech):
    here = await _udp(stand)
    here.transport.sendto(speech.fire(serial=6) + speech.frame(serial=7))
    answers = [read_frame(await here.next()) for _ in range(2)]
    assert [(one.command, one.serial) for one in answers] == [(Command.CONFIRM, 6), (Command.CONFIRM, 7)]
    assert stand.intake.reports[0].transport == "udp"
    here.transport.close()


async def test_a_bad_datagram_of_a_stranger_is_not_answered_and_of_a_registered_device_is_denied(stand, speech):
    here = await _udp(stand)
    here.transport.sendto(speech.damaged(speech.frame()))
    await stand.until(lambda: len(stand.intake.entries("bad_octets")) > 0)
    stand.directory.add("790300000000")
    here.transport.sendto(speech.frame(serial=1))
    commands = [read_frame(await here.next()).command]
    assert Command.DENY not in commands
    here.transport.sendto(speech.damaged(speech.frame(serial=2)))
    while commands[-1] != Command.DENY:
        commands.append(read_frame(await here.next()).command)
    assert Command.CONFIRM in commands
    here.transport.close()


async def test_a_translation_bug_never_stops_the_frames_behind_it(stand, speech, monkeypatch):
    def stumble(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("protocol_gateway.reception.statements", stumble)
    peer = await stand.peer()
    peer.send(speech.fire(serial=1) + speech.fire(serial=2))
    assert [one.serial for one in await peer.frames(2)] == [1, 2]
    assert len(stand.intake.said(UnreadableSaid)) == 2


class _Udp(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._came: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):  # noqa: ARG002
        self._came.put_nowait(data)

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self._came.get()


async def _udp(stand) -> _Udp:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(_Udp, remote_addr=("127.0.0.1", stand.server.port))
    return protocol
