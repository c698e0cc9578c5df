"""Simulated devices against the gateway: every scenario, the device's own manners, the register of its frames."""

import asyncio
from datetime import timedelta

import pytest

from backend.core import clock
from backend.core.errors import BadInput
from backend.monitoring.model import AnalogSaid, OperationSaid, StateSaid
from protocol_gateway.downlink import Outcome
from protocol_gateway.gb26875.layouts import ComponentAddress
from protocol_gateway.gb26875.objects.inquiries import DutyCheckCall, ReadComponent
from protocol_gateway.gb26875.tables import TypeFlag
from protocol_gateway.simulator import SCENARIOS, Options, SimulatedUitd, simulate
from tests.patience import PATIENCE_S

#: what a scenario must have made the gateway hear: (statement, test on it)
HEARD = {
    "fire": (StateSaid, lambda said: said.state & 1 << 1),
    "detector-fault": (StateSaid, lambda said: said.state & 1 << 2),
    "tank-level": (AnalogSaid, lambda said: said.quantity == 2 and said.value < 1),
    "low-pressure": (AnalogSaid, lambda said: said.quantity == 5 and said.value < 50),
    "pump-manual": (StateSaid, lambda said: said.state & 1 << 11),
    "pump-power": (StateSaid, lambda said: said.state & 1 << 8),
    "hydrant-pressure": (AnalogSaid, lambda said: said.quantity == 5 and said.value < 50),
    "restoration": (StateSaid, lambda said: said.state & 1 << 13),
    "storm": (StateSaid, lambda said: said.state & 1 << 6),
    "duplicate": (StateSaid, lambda said: said.state & 1 << 1),
    "garbage": (AnalogSaid, lambda said: said.value is not None),
    "split": (StateSaid, lambda said: said.state == 1),
    "normal": (AnalogSaid, lambda said: said.value is not None),
}


def options(stand, scenario: str, **changed: object) -> Options:
    asked = {
        "devices": 3,
        "rate": 300.0,
        "seed": 1,
        "timeout_s": PATIENCE_S,  # a frame that is sent again is one more than the test counts
        "resends": 1,
        "duration_s": 0.4 if SCENARIOS[scenario].is_endless else None,
    }
    return Options(host="127.0.0.1", port=stand.server.port, scenario=scenario, **{**asked, **changed})


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name in HEARD])
async def test_a_scenario_is_heard_and_all_its_frames_are_confirmed(live_stand, scenario):
    report = await simulate(options(live_stand, scenario))
    assert report.sent == report.confirmed > 0
    assert report.unanswered == 0
    assert report.confirm_p50_ms <= report.confirm_p99_ms <= report.confirm_max_ms
    kind, holds = HEARD[scenario]
    assert any(holds(said) for said in live_stand.intake.said(kind))


async def test_a_scenario_over_udp_is_confirmed_too(live_stand):
    report = await simulate(options(live_stand, "storm", udp=True))
    assert report.sent == report.confirmed > 10
    assert {one.transport for one in live_stand.intake.reports} == {"udp"}


async def test_the_same_seed_says_the_same(live_stand):
    await simulate(options(live_stand, "fire", devices=5))
    first = sorted(said.subject.component_address for said in live_stand.intake.said(StateSaid))
    live_stand.intake.taken.clear()
    await simulate(options(live_stand, "fire", devices=5))
    assert sorted(said.subject.component_address for said in live_stand.intake.said(StateSaid)) == first


async def test_wrong_checksums_are_denied_and_good_frames_between_them_confirmed(live_stand):
    report = await simulate(options(live_stand, "wrong-checksum"))
    assert report.denied >= 3
    assert report.sent == report.confirmed > 0


async def test_a_duplicate_is_appended_twice(live_stand):
    report = await simulate(options(live_stand, "duplicate"))
    await live_stand.until(lambda: len(live_stand.intake.entries("frame_in")) == 2 * report.sent)
    assert report.sent == report.confirmed > 0


async def test_a_slow_loris_gets_nothing_and_leaves_the_gateway_well(live_stand):
    report = await simulate(options(live_stand, "slow-loris", rate=30.0))
    assert (report.sent, report.confirmed) == (0, 0)
    assert (await simulate(options(live_stand, "fire"))).confirmed == 3


async def test_silent_devices_say_one_word_and_answer_nothing(live_stand):
    for number in range(100_001, 100_004):
        live_stand.directory.add(number.to_bytes(6, "little").hex())
    report = await simulate(options(live_stand, "silent"))
    assert report.confirmed == 3
    assert report.requests >= 3
    assert not live_stand.intake.said(OperationSaid)


async def test_a_clock_that_is_off_is_set_by_the_gateway(live_stand):
    live_stand.directory.add((100_001).to_bytes(6, "little").hex())
    await simulate(options(live_stand, "clock-off", devices=1))
    off = [abs((one.sent_at - one.received_at).total_seconds()) for one in live_stand.intake.reports if one.sent_at]
    assert off[0] > 3600
    assert off[-1] < 60


async def test_as_fast_as_it_goes_keeps_a_window_and_confirms_all(live_stand):
    report = await simulate(options(live_stand, "storm", rate=0.0, window=8, duration_s=1.5))
    assert report.sent == report.confirmed > 100


async def test_an_unknown_scenario_is_refused_by_name(live_stand):
    with pytest.raises(BadInput, match="earthquake"):
        await simulate(Options(host="127.0.0.1", port=live_stand.server.port, scenario="earthquake"))


@pytest.fixture
async def device(live_stand):
    live_stand.directory.add("790300000000")
    one = SimulatedUitd(889, ("127.0.0.1", live_stand.server.port), timeout_s=0.2)
    await one.connect()
    yield one
    await one.close()


async def test_a_device_reports_a_fire_and_knows_it_confirmed(live_stand, device):
    sending = await device.reports_fire(1, 1, 40, 0x0002_000A, "三层东走廊")
    assert sending.is_confirmed
    said = live_stand.intake.said(StateSaid)[0]
    assert (said.subject.component_address, said.description) == ("0a000200", "三层东走廊")
    assert device.wire_log[0].is_sent
    assert list(device.sendings) == [sending]


async def test_a_device_answers_what_it_is_asked_from_what_it_said(live_stand, device):
    await device.reports_state(1, 1, 40, 7, state=5, text="感烟")
    await live_stand.until(lambda: TypeFlag.READ_UITD_STATE in device.requests)
    live_stand.intake.taken.clear()
    asked = (ReadComponent(1, 1, ComponentAddress.of_int(7)),)
    outcome = await live_stand.server.downlink.request("790300000000", TypeFlag.READ_COMPONENT_STATE, asked)
    assert outcome is Outcome.DONE
    said = live_stand.intake.said(StateSaid)[-1]
    assert (said.state, said.description) == (5, "感烟")


async def test_a_duty_check_is_confirmed_and_answered_by_a_person(live_stand, device):
    await device.beats()
    outcome = await live_stand.server.downlink.request("790300000000", TypeFlag.DUTY_CHECK, (DutyCheckCall(1),))
    assert outcome is Outcome.DONE
    await live_stand.until(lambda: bool(live_stand.intake.said(OperationSaid)))
    assert live_stand.intake.said(OperationSaid)[0].flags == 1 << 5


async def test_a_device_sends_again_what_was_not_confirmed_and_gives_up_after_three_times(live_stand, device):
    live_stand.intake.is_refusing = True
    sending = await device.reports_fire(1, 1, 40, 1)
    assert not sending.is_confirmed
    assert sending.times_sent == 4
    assert device.unanswered == 1


async def test_a_cut_cable_is_silent_until_the_device_dials_again_and_its_frame_is_not_lost(live_stand, device):
    await device.beats()
    device.cut_cable()
    waiting = asyncio.create_task(device.reports_fire(1, 1, 40, 1))
    await live_stand.until(lambda: not live_stand.server._connections)
    await device.connect()
    assert (await waiting).is_confirmed


async def test_a_device_whose_clock_is_wrong_obeys_the_centre(live_stand):
    live_stand.directory.add("790300000000")
    device = SimulatedUitd(889, ("127.0.0.1", live_stand.server.port), clock_offset=timedelta(days=-3))
    await device.connect()
    await device.beats()
    await live_stand.until(lambda: device.clock_offset == timedelta(0))
    shown = device.time_tag().wall_clock
    assert abs((shown.in_zone(device._zone) - clock.now()).total_seconds()) < 5
    await device.close()
