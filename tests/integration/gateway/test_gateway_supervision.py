"""Patrol and loss, clocks, states read again, and what we ask of devices. The clock is moved, nothing sleeps."""

import asyncio

import pytest

from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import Power
from backend.monitoring.model import LinkSaid, StateSaid
from protocol_gateway.collaborators import Point
from protocol_gateway.downlink import SERIAL_BLOCK, Outcome
from protocol_gateway.gb26875.objects.inquiries import DutyCheckCall, ReadUitd
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.wall_clock import WallClock

ADDRESS = "790300000000"


@pytest.fixture
def registered(stand):
    stand.directory.add(ADDRESS)
    return stand


@pytest.mark.clause("4.4.2")
async def test_a_silent_mains_device_is_asked_three_times_and_lost_after_ninety_seconds(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    await stand.advance(30)
    asked = await peer.frame()
    assert (asked.command, asked.type_flag) == (Command.REQUEST, TypeFlag.READ_UITD_STATE)
    await stand.advance(40)
    assert [one.type_flag for one in await peer.frames(2)] == [TypeFlag.READ_UITD_STATE] * 2
    assert stand.intake.said(LinkSaid) == [LinkSaid(is_lost=False)]
    await stand.advance(21)
    lost = stand.intake.said(LinkSaid)[-1]
    assert lost.is_lost
    assert (stand.time.now() - lost.silent_since).total_seconds() <= 100
    report = stand.intake.reports[-1]
    assert (report.address, report.is_heard) == (ADDRESS, False)
    await stand.advance(200)
    assert len(stand.intake.said(LinkSaid)) == 2


@pytest.mark.clause("4.4.2")
async def test_a_device_that_answers_its_patrol_is_not_lost(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    for _ in range(6):
        await stand.advance(30)
        asked = await peer.frame()
        before = len(stand.intake.said(StateSaid))
        peer.send(speech.uitd_state(asked))
        await stand.until(lambda before=before: len(stand.intake.said(StateSaid)) > before)
    assert stand.intake.said(LinkSaid) == [LinkSaid(is_lost=False)]


@pytest.mark.clause("4.4.2")
async def test_a_cut_cable_is_told_within_a_hundred_seconds_and_its_mending_at_once(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    await peer.close()
    await stand.until(lambda: not stand.server._connections)
    await stand.advance(95)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True]
    await stand.quiet_peer(speech)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True, False]


async def test_a_registered_device_that_never_called_is_lost_too(registered):
    await registered.restart()
    await registered.advance(95)
    assert [one.is_lost for one in registered.intake.said(LinkSaid)] == [True]


@pytest.mark.clause("4.4.2")
async def test_a_device_registered_while_we_run_is_watched_though_it_never_calls(stand):
    await stand.advance(1)
    stand.directory.add(ADDRESS)
    await stand.advance(95)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [True]


@pytest.mark.clause("4.4.2")
async def test_a_device_adopted_after_its_last_word_is_watched(stand, speech):
    stand.directory.add(ADDRESS)
    stand.directory.change(ADDRESS, unit=None)
    peer = await stand.peer()
    peer.send(speech.frame())
    await peer.frame()
    await stand.advance(200)
    assert stand.intake.said(LinkSaid) == []
    stand.directory.change(ADDRESS, unit=UnitId(new_id()))
    await stand.advance(95)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [True]


@pytest.mark.clause("4.4.2")
async def test_a_battery_device_that_is_fed_by_the_mains_now_is_patrolled(stand, speech):
    stand.directory.add(ADDRESS, power=Power.BATTERY)
    peer = await stand.peer()
    peer.send(speech.frame())
    await peer.frames(2)
    await stand.advance(200)
    stand.directory.change(ADDRESS, power=Power.MAINS)
    await stand.advance(85)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False]
    await stand.advance(10)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True]


@pytest.mark.clause("4.4.2")
async def test_a_changed_registration_gives_a_silent_device_no_more_time(registered, speech):
    stand = registered
    await stand.quiet_peer(speech)
    await stand.advance(60)
    stand.directory.change(ADDRESS, name="2号楼")
    await stand.advance(20)
    stand.directory.change(ADDRESS, timezone="Asia/Urumqi")
    await stand.advance(11)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True]


async def test_battery_devices_and_strangers_are_not_patrolled(stand, speech):
    stand.directory.add("7a0300000000", power=Power.BATTERY)
    peer = await stand.peer()
    peer.send(speech.frame(address="7a0300000000") + speech.frame(address="7b0300000000"))
    frames = await peer.frames(3)
    assert sorted(one.command for one in frames) == [Command.CONTROL, Command.CONFIRM, Command.CONFIRM]
    await stand.advance(300)
    assert stand.intake.said(LinkSaid) == [LinkSaid(is_lost=False)]


async def test_the_clock_is_set_on_connect_and_our_order_is_recorded(registered, speech):
    peer = await registered.peer()
    peer.send(speech.frame())
    frames = {one.command: one for one in await peer.frames(2)}
    order = frames[Command.CONTROL]
    assert order.adu == bytes((90, 1, 0, 0, 12, 22, 11, 26))
    assert order.destination.hex() == ADDRESS
    assert [entry.octets for entry in registered.intake.entries("frame_out")] == [order.octets]


async def test_a_clock_more_than_a_minute_off_is_set_again_but_at_most_hourly(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    wrong = speech.frame(shown=WallClock(2026, 11, 22, 11, 58, 0), serial=2)
    peer.send(wrong)
    assert (await peer.frame()).command == Command.CONFIRM
    assert await peer.hears_nothing()
    await _live_on(stand, peer, speech, 3601)
    peer.send(speech.frame(shown=WallClock(2026, 11, 22, 11, 58, 0), serial=3))
    frames = await peer.frames(2)
    assert sorted(one.command for one in frames) == [Command.CONTROL, Command.CONFIRM]


async def test_states_are_read_again_after_a_reconnection(registered, speech):
    stand = registered
    stand.store.known[ADDRESS] = [
        Point(1, 1, "01000100"),
        Point(11, 1, "04000000"),
        Point(11, 1, "01000000", quantity=2),
    ]
    peer = await stand.peer()
    peer.send(speech.frame())
    asked = []
    while len(asked) < 5:
        frame = await peer.frame()
        if frame.command == Command.CONTROL:
            asked.append(frame.type_flag)
            peer.send(speech.confirm(frame))
        elif frame.command == Command.REQUEST:
            asked.append(frame.type_flag)
            peer.send(_empty_answer(speech, frame))
    assert asked[0] == TypeFlag.SYNCHRONISE_CLOCK
    assert asked[1:] == [
        TypeFlag.READ_UITD_STATE,
        TypeFlag.READ_SYSTEM_STATE,
        TypeFlag.READ_COMPONENT_STATE,
        TypeFlag.READ_ANALOG_VALUE,
    ]


async def test_one_exchange_at_a_time_and_a_resend_keeps_its_serial(registered, speech):
    stand = registered
    peer = await stand.peer()
    peer.send(speech.frame())
    first = next(one for one in await peer.frames(2) if one.command == Command.CONTROL)
    assert await peer.hears_nothing()
    await stand.advance(10)
    again = await peer.frame()
    assert (again.serial, again.type_flag) == (first.serial, first.type_flag)
    peer.send(speech.confirm(again))
    assert (await peer.frame()).type_flag == TypeFlag.READ_UITD_STATE


async def test_a_type_ignored_three_times_is_not_asked_again(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    asking = asyncio.create_task(stand.server.downlink.request(ADDRESS, TypeFlag.READ_UITD_VERSION, _reserved()))
    for _ in range(4):
        assert (await peer.frame()).type_flag == TypeFlag.READ_UITD_VERSION
        peer.send(speech.frame())
        assert (await peer.frame()).command == Command.CONFIRM
        await stand.advance(10)
    assert await asking is Outcome.UNANSWERED
    again = await stand.server.downlink.request(ADDRESS, TypeFlag.READ_UITD_VERSION, _reserved())
    assert again is Outcome.UNSUPPORTED


async def test_a_duty_check_is_done_when_the_device_confirms_it(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    asking = asyncio.create_task(stand.server.downlink.request(ADDRESS, TypeFlag.DUTY_CHECK, (DutyCheckCall(10),)))
    asked = await peer.frame()
    assert (asked.command, asked.adu) == (Command.CONTROL, bytes((91, 1, 10)))
    peer.send(speech.confirm(asked))
    assert await asking is Outcome.DONE


async def test_a_request_to_a_device_that_is_away_says_so(registered, speech):
    stand = registered
    request = stand.server.downlink.request
    assert await request(ADDRESS, TypeFlag.DUTY_CHECK, (DutyCheckCall(10),)) is Outcome.NO_LINK
    peer = await stand.quiet_peer(speech)
    asking = asyncio.create_task(request(ADDRESS, TypeFlag.DUTY_CHECK, (DutyCheckCall(10),)))
    await peer.frame()
    await peer.close()
    assert await asking is Outcome.NO_LINK


async def test_the_newest_connection_of_a_device_wins(registered, speech):
    stand = registered
    old = await stand.quiet_peer(speech)
    await stand.advance(1)
    new = await stand.peer()
    new.send(speech.frame(serial=2))
    assert (await new.frame()).command == Command.CONFIRM
    old.send(speech.frame(serial=3))
    assert (await old.frame()).serial == 3
    asking = asyncio.create_task(stand.server.downlink.request(ADDRESS, TypeFlag.DUTY_CHECK, (DutyCheckCall(1),)))
    asked = await new.frame()
    assert asked.type_flag == TypeFlag.DUTY_CHECK
    new.send(speech.confirm(asked))
    assert await asking is Outcome.DONE


async def test_an_older_connection_whose_device_moved_is_closed_after_ten_idle_minutes(registered, speech):
    stand = registered
    old = await stand.quiet_peer(speech)
    await stand.advance(1)
    new = await stand.peer()
    await _live_on(stand, new, speech, 660)
    assert await old.is_hung_up_on()


async def test_downlink_serials_go_on_after_a_restart(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    sent = [int.from_bytes(entry.octets[2:4], "little") for entry in stand.intake.entries("frame_out")]
    assert sent == [1, 2]
    await stand.server.drain()
    assert stand.store.marks == {ADDRESS: 1 + SERIAL_BLOCK}
    await peer.close()
    await stand.restart()
    peer = await stand.peer()
    peer.send(speech.frame())
    order = next(one for one in await peer.frames(2) if one.command == Command.CONTROL)
    assert order.serial == 2 + SERIAL_BLOCK


def _reserved() -> tuple[object, ...]:
    return (ReadUitd(),)


def _empty_answer(speech, asked) -> bytes:
    """A response of the right type without objects, under the request's serial."""
    answers = {TypeFlag.READ_UITD_STATE: 21, TypeFlag.READ_SYSTEM_STATE: 1, TypeFlag.READ_COMPONENT_STATE: 2}
    adu = bytes((answers.get(asked.type_flag, 3), 0))
    return speech.frame(adu, command=Command.RESPONSE, serial=asked.serial)


async def _live_on(stand, peer, speech, seconds: float) -> None:
    """Time passes while the device beats, and what it is asked is let be."""
    while seconds > 0:
        await stand.advance(min(20, seconds))
        seconds -= 20
        shown = stand.time.now().hour + 8, stand.time.now().minute, stand.time.now().second
        peer.send(speech.frame(shown=WallClock(2026, 11, 22, *shown), serial=1000))
        while (await peer.frame()).command != Command.CONFIRM:
            pass
