"""Peers nobody registered: each is told apart, none is lost, and none of them delays a device of a unit."""

import asyncio

import msgspec

from backend.core.metrics import REFUSED_PEERS
from protocol_gateway.datagrams import BAD_DATAGRAMS_PER_S
from protocol_gateway.gb26875.frame import read_frame
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.limits import Limit
from protocol_gateway.ways import MOST_IN_HAND_FOR_STRANGERS
from tests.patience import PATIENCE_S

NOBODY = "000000000000"


async def _say_from(stand, host: str, octets: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.server.port, local_addr=(host, 0))
    writer.write(octets)
    async with asyncio.timeout(PATIENCE_S):
        await reader.readexactly(30)
    writer.close()
    await writer.wait_closed()


def _refused(limit: Limit) -> float:
    return REFUSED_PEERS.labels(limit)._value.get()


async def _udp(stand):
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data, _addr):
            answers.put_nowait(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Ear, remote_addr=("127.0.0.1", stand.server.port))
    return transport, answers


async def test_two_devices_without_an_address_that_say_the_same_are_no_repeats_of_each_other(stand, speech):
    fire = speech.fire(address=NOBODY, serial=0)
    for host in ("127.0.0.11", "127.0.0.12"):
        await _say_from(stand, host, fire)
    first, second = stand.intake.reports
    assert (first.address, second.address) == ("peer:127.0.0.11", "peer:127.0.0.12")
    assert first.fingerprint != second.fingerprint


async def test_garbage_by_datagram_is_recorded_at_a_bounded_rate_and_the_rest_is_counted(stand, speech):
    transport, answers = await _udp(stand)
    before, sent = _refused(Limit.RATE), 400
    for _ in range(sent):
        transport.sendto(b"garbage")
        await asyncio.sleep(0)
    await stand.until(lambda: len(stand.intake.taken) + _refused(Limit.RATE) - before == sent)
    assert 0 < len(stand.intake.taken) <= BAD_DATAGRAMS_PER_S * 3
    transport.sendto(speech.fire())
    assert read_frame(await asyncio.wait_for(answers.get(), PATIENCE_S)).command == Command.CONFIRM
    transport.close()


async def test_ports_that_change_with_each_datagram_share_their_hosts_rate(stand, speech):
    before, sent = _refused(Limit.RATE), stand.settings.frames_per_second + 60
    for serial in range(sent):
        transport, _ = await _udp(stand)
        transport.sendto(speech.frame(serial=serial))
        transport.close()
    await stand.until(lambda: len(stand.intake.reports) + _refused(Limit.RATE) - before >= sent)
    assert len(stand.intake.reports) < stand.settings.frames_per_second + 30  # a port may come twice


async def test_a_device_that_sent_too_fast_by_datagram_is_heard_as_soon_as_its_rate_allows(stand, speech):
    transport, answers = await _udp(stand)
    before, sent = _refused(Limit.RATE), 1500
    for serial in range(sent):
        transport.sendto(speech.frame(serial=serial))
        await asyncio.sleep(0)
    await stand.until(lambda: len(stand.intake.reports) + _refused(Limit.RATE) - before >= sent)
    assert _refused(Limit.RATE) > before
    while not answers.empty():
        answers.get_nowait()
    await stand.advance(1)
    transport.sendto(speech.fire(serial=5000))
    while read_frame(await asyncio.wait_for(answers.get(), PATIENCE_S)).serial != 5000:
        pass
    transport.close()


async def test_strangers_datagrams_are_left_out_while_too_much_waits_and_a_registered_devices_are_not(stand, speech):
    stand.directory.add("790300000000")
    transport, _ = await _udp(stand)
    transport.sendto(speech.frame())
    await stand.until(lambda: len(stand.intake.reports) > 0)
    stranger, _ = await _udp(stand)
    stand.server.reception.in_hand += MOST_IN_HAND_FOR_STRANGERS + 1
    before = _refused(Limit.RATE)
    stranger.sendto(speech.fire(address="555555555555"))
    await stand.until(lambda: _refused(Limit.RATE) == before + 1)
    transport.sendto(speech.fire(serial=9))
    await stand.until(lambda: any(one.address == "790300000000" and one.statements for one in stand.intake.reports))
    assert all(one.address != "555555555555" for one in stand.intake.reports)
    stand.server.reception.in_hand -= MOST_IN_HAND_FOR_STRANGERS + 1
    transport.close()
    stranger.close()


async def test_a_device_that_was_only_noted_is_a_stranger_still_and_its_bad_datagrams_get_no_answer(stand, speech):
    stand.directory.add("555555555555")
    noted = stand.directory.facts["555555555555"]
    stand.directory.facts["555555555555"] = msgspec.structs.replace(noted, unit=None)
    transport, answers = await _udp(stand)
    transport.sendto(speech.frame(address="555555555555"))
    assert read_frame(await asyncio.wait_for(answers.get(), PATIENCE_S)).command == Command.CONFIRM
    transport.sendto(speech.damaged(speech.frame(address="555555555555", serial=2)))
    await stand.until(lambda: len(stand.intake.entries("bad_octets")) > 0)
    transport.sendto(speech.frame(address="555555555555", serial=3))
    assert read_frame(await asyncio.wait_for(answers.get(), PATIENCE_S)).command == Command.CONFIRM
    transport.close()


async def test_a_strangers_connection_is_read_no_further_while_too_much_waits_and_a_registered_devices_is(
    stand, speech
):
    stand.directory.add("790300000000")
    device = await stand.quiet_peer(speech)
    stand.server.reception.in_hand += MOST_IN_HAND_FOR_STRANGERS + 1
    stranger = await stand.peer()
    stranger.send(b"".join(speech.frame(address="555555555555", serial=serial) for serial in range(400)))
    device.send(speech.fire(serial=77))
    while (await device.frame()).serial != 77:
        pass
    await stand.advance(0.1)
    assert sum(one.address == "555555555555" for one in stand.intake.reports) < 40
    stand.server.reception.in_hand -= MOST_IN_HAND_FOR_STRANGERS + 1
    await stand.advance(0.1)
    assert len(await stranger.frames(400)) == 400
