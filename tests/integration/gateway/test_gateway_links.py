"""Links that close, sleepers that miss their slot, our own absence, and the record of patrols. The clock is moved."""

from datetime import timedelta

import pytest

from backend.core.vocabulary import Power
from backend.monitoring.model import LinkSaid, StateSaid

ADDRESS = "790300000000"


@pytest.fixture
def registered(stand):
    stand.directory.add(ADDRESS)
    return stand


@pytest.mark.clause("4.4.2")
async def test_a_closed_connection_is_told_within_ten_seconds(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    await peer.close()
    await stand.until(lambda: not stand.server._connections)
    await stand.advance(7)
    lost = stand.intake.said(LinkSaid)[-1]
    assert (lost.is_lost, lost.cause) == (True, "closed")
    await stand.advance(200)
    assert len(stand.intake.said(LinkSaid)) == 2


async def test_a_device_that_hangs_up_and_is_back_soon_is_not_lost(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    await peer.close()
    await stand.until(lambda: not stand.server._connections)
    await stand.advance(3)
    again = await stand.peer()
    again.send(speech.frame(serial=2))
    await again.frame()
    await stand.advance(20)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False]


@pytest.mark.clause("4.4.2")
async def test_a_battery_device_that_misses_its_slot_is_lost_when_the_slot_ends(stand, speech):
    stand.directory.add("7a0300000000", power=Power.BATTERY)
    peer = await stand.peer()
    peer.send(speech.frame(address="7a0300000000"))
    await peer.frames(2)
    await stand.advance(86_390)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False]
    await stand.advance(100)
    lost = stand.intake.said(LinkSaid)[-1]
    assert (lost.is_lost, lost.cause) == (True, "slot")
    again = await stand.peer()
    again.send(speech.frame(address="7a0300000000", serial=2))
    await again.frame()
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True, False]


@pytest.mark.clause("4.4.2")
async def test_a_slot_goes_on_over_a_restart_and_one_that_ended_while_we_were_away_is_waited_for(stand):
    now = stand.time.now()
    for address, hours in (("7a0300000000", 23), ("7b0300000000", 25)):
        stand.directory.add(address, power=Power.BATTERY)
        stand.store.contacts[address] = now - timedelta(hours=hours)
    stand.store.alive_at = now - timedelta(hours=2)
    await stand.server.drain()
    stand.store.alive_at = now - timedelta(hours=2)
    stand.server = stand._server()
    await stand.server.start()
    await stand.advance(3601)
    said = [(one.address, one.statements[0].is_lost) for one in stand.intake.reports]
    assert said == [("7a0300000000", True)]


@pytest.mark.clause("4.4.2")
async def test_a_restart_of_ours_loses_nobody_who_calls_again(registered, speech):
    stand = registered
    for _ in range(3):
        await stand.quiet_peer(speech)
        await stand.restart()
        await stand.advance(60)
    await stand.quiet_peer(speech)
    await stand.advance(20)
    assert not any(one.is_lost for one in stand.intake.said(LinkSaid))


async def test_while_this_process_stands_still_nobody_is_silent(registered, speech):
    stand = registered
    await stand.quiet_peer(speech)
    await stand.advance(20)
    stand.time.advance(timedelta(seconds=300))
    stand.server.tick()
    await stand.advance(60)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False]
    await stand.advance(30)
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True]


async def test_a_loss_that_could_not_be_told_is_told_when_the_database_is_back(registered, speech):
    stand = registered
    await stand.quiet_peer(speech)
    stand.intake.is_refusing = True
    await stand.advance(95)
    assert not any(one.is_lost for one in stand.intake.said(LinkSaid))
    stand.intake.is_refusing = False
    await stand.server._housekeep()
    assert [one.is_lost for one in stand.intake.said(LinkSaid)] == [False, True]


@pytest.mark.clause("4.4.2")
async def test_patrols_are_written_down_with_the_longest_silence(registered, speech):
    stand = registered
    peer = await stand.quiet_peer(speech)
    for _ in range(3):
        await stand.advance(30)
        asked = await peer.frame()
        before = len(stand.intake.said(StateSaid))
        peer.send(speech.uitd_state(asked))
        await stand.until(lambda before=before: len(stand.intake.said(StateSaid)) > before)
    await stand.server.patrols.write()
    (check,) = stand.store.checks
    assert (check.asked, check.heard_by, 29 <= check.longest_silence_s <= 31) == (3, "patrol", True)
    assert check.last_heard_at == stand.time.now()
    await stand.server.patrols.write()
    assert len(stand.store.checks) == 1
