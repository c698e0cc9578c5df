"""Limits, hostile peers and the drain: each refused peer is closed or slowed, and no other one notices."""

import asyncio
import socket
from datetime import timedelta

import pytest

from backend.core.metrics import REFUSED_PEERS
from protocol_gateway.connection import MOST_IN_HAND
from protocol_gateway.gb26875.tables import Command


def refused(limit: str) -> float:
    return REFUSED_PEERS.labels(limit)._value.get()


@pytest.mark.parametrize(
    ("limits", "limit"),
    [({"connections": 1}, "connections"), ({"connections_per_address": 1}, "connections_per_address")],
)
async def test_a_connection_too_many_is_closed_and_the_present_one_serves_on(stand, speech, limit):
    before = refused(limit)
    first = await stand.peer()
    first.send(speech.frame(serial=1))
    await first.frame()
    second = await stand.peer()
    assert await second.is_hung_up_on()
    assert refused(limit) == before + 1
    first.send(speech.frame(serial=2))
    assert (await first.frame()).serial == 2


async def test_a_refusal_is_logged_once_a_minute_for_a_peer_and_limit(stand, caplog):
    stand.server.counts._in_all = 0
    for _ in range(3):
        assert await (await stand.peer()).is_hung_up_on()
    assert len([one for one in caplog.records if one.getMessage() == "peer refused"]) == 1
    stand.time.advance(timedelta(seconds=61))
    assert await (await stand.peer()).is_hung_up_on()
    assert len([one for one in caplog.records if one.getMessage() == "peer refused"]) == 2


async def test_a_partial_frame_is_dropped_after_its_hold_time_and_the_next_frame_is_read(stand, speech):
    before = refused("partial_frame")
    peer = await stand.peer()
    peer.send(speech.frame()[:-1])
    await stand.until(lambda: any(len(one._buffer) for one in stand.server._connections))
    await stand.advance(0.6)
    assert refused("partial_frame") == before + 1
    peer.send(speech.frame(serial=2))
    assert (await peer.frame()).serial == 2
    assert "incomplete" in [entry.facts["fault"] for entry in stand.intake.entries("bad_octets")]


async def test_a_frame_longer_than_the_standard_is_refused_and_denied(stand, speech):
    before = refused("frame_length")
    frame = bytearray(speech.frame(serial=9))
    frame[24:26] = (2000).to_bytes(2, "little")
    peer = await stand.peer()
    peer.send(bytes(frame))
    assert ((await peer.frame()).command, refused("frame_length")) == (Command.DENY, before + 1)


@pytest.mark.parametrize("limits", [{"idle_s": 120.0}])
async def test_a_connection_without_a_good_frame_is_closed_when_idle_too_long(stand, speech):
    before = refused("idle")
    idle, live = await stand.peer(), await stand.peer()
    for _ in range(3):
        live.send(speech.frame())
        await live.frame()
        await stand.advance(50)
    assert await idle.is_hung_up_on()
    assert refused("idle") == before + 1
    live.send(speech.frame())
    assert (await live.frame()).command == Command.CONFIRM


async def test_a_peer_that_sends_only_garbage_is_closed(stand):
    before = refused("garbage")
    peer = await stand.peer()
    peer.send(b"\x01" * 70_000)
    assert await peer.is_hung_up_on()
    assert refused("garbage") == before + 1


@pytest.mark.parametrize("limits", [{"frames_per_second": 10}])
async def test_a_peer_beyond_its_rate_is_read_more_slowly_and_loses_nothing(stand, speech):
    before = refused("rate")
    peer = await stand.peer()
    for serial in range(1, 101):
        peer.send(speech.frame(serial=serial))
    await stand.until(lambda: refused("rate") > before)
    other = await stand.peer()
    other.send(speech.frame(serial=500, address="7a0300000000"))
    assert (await other.frame()).serial == 500
    answers = asyncio.create_task(peer.frames(100))
    while not answers.done():
        await stand.advance(1.0)
        await asyncio.sleep(0.002)
    assert [one.serial for one in await answers] == list(range(1, 101))


async def test_a_peer_whose_frames_wait_for_their_commit_is_read_no_further(stand, speech):
    stand.intake.is_held = True
    peer = await stand.peer()
    frame = speech.frame()
    for _ in range(MOST_IN_HAND * 4):
        peer.send(frame)
    await stand.until(lambda: len(stand.intake.taken) > MOST_IN_HAND)
    for _ in range(20):
        await asyncio.sleep(0.002)
    held = len(stand.intake.taken)
    assert held < MOST_IN_HAND * 4
    stand.intake.release()
    answers = asyncio.create_task(peer.frames(MOST_IN_HAND * 4))
    while not answers.done():
        await stand.advance(1.0)
        await asyncio.sleep(0.002)
    assert len(await answers) == MOST_IN_HAND * 4


@pytest.mark.parametrize("limits", [{"frames_per_second": 10_000}])
async def test_a_peer_that_does_not_read_its_answers_is_closed(stand, speech):
    before = refused("slow_reader")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", stand.server.port))
    deaf.setblocking(False)
    frames = speech.frame() * 500
    loop = asyncio.get_running_loop()

    async def talk() -> None:
        try:
            while True:
                await loop.sock_sendall(deaf, frames)
        except OSError:
            return

    talking = asyncio.create_task(talk())
    while refused("slow_reader") == before:
        await stand.advance(1.0)
        await asyncio.sleep(0)
    await talking
    deaf.close()
    other = await stand.peer()
    other.send(speech.fire())
    assert (await other.frame()).command == Command.CONFIRM


async def test_a_slow_loris_delays_nobody(stand, speech):
    slow = [await stand.peer() for _ in range(50)]
    fire = speech.fire()
    for at in range(10):
        for one in slow:
            one.send(fire[at : at + 1])
        quick = await stand.peer()
        quick.send(speech.fire(serial=at + 1))
        assert (await quick.frame()).serial == at + 1
        await stand.advance(0.4)
    assert len(stand.intake.entries("frame_in")) == 10


async def test_a_drain_answers_what_is_in_hand_takes_nothing_new_and_closes(stand, speech):
    stand.intake.is_held = True
    peer = await stand.peer()
    peer.send(speech.fire(serial=1))
    await stand.until(lambda: len(stand.intake.taken) == 1)
    draining = asyncio.create_task(stand.server.drain())
    await asyncio.sleep(0)
    peer.send(speech.fire(serial=2))
    stand.intake.release()
    assert (await peer.frame()).serial == 1
    assert await peer.is_hung_up_on()
    await draining
    assert len(stand.intake.entries("frame_in")) == 1
    with pytest.raises(OSError, match="onnect"):
        await stand.peer()


async def test_a_drain_ends_in_its_time_even_when_nothing_becomes_durable(stand, speech):
    stand.intake.is_held = True
    peer = await stand.peer()
    peer.send(speech.fire())
    await stand.until(lambda: len(stand.intake.taken) == 1)
    async with asyncio.timeout(3):  # drain_s is 1
        await stand.server.drain()
    assert await peer.is_hung_up_on()
    stand.intake.release()


async def test_a_device_that_closes_its_half_is_still_confirmed(stand, speech):
    stand.intake.is_held = True
    peer = await stand.peer()
    peer.send(speech.fire())
    peer.writer.write_eof()
    await stand.until(lambda: len(stand.intake.taken) == 1)
    stand.intake.release()
    assert (await peer.frame()).command == Command.CONFIRM
    await stand.advance(1.0)
    assert await peer.is_hung_up_on()
