"""Which line has fallen, by what is lost over it."""

from datetime import UTC, datetime, timedelta

from backend.alarms.mass_outages import OUR_LINE, UNKNOWN_LINE, Lost, line_of, lines
from backend.core.ids import DeviceId, LedgerId, new_id
from backend.core.settings import Carriers

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CARRIERS = Carriers(networks=("10.1.0.0/16=电信", "2001:db8::/32=联通"), least=3)


def lost(peer: str, after_s: float = 0, unit: str = "u1") -> Lost:
    at = START + timedelta(seconds=after_s)
    return Lost(device=DeviceId(new_id()), unit=unit, peer=peer, recognised_at=at, ledger_id=LedgerId(new_id()))


def test_a_line_is_named_by_the_settings_else_by_its_network() -> None:
    assert line_of("10.1.2.3:5001", CARRIERS.networks) == "电信"
    assert line_of("[2001:db8::1]:5001", CARRIERS.networks) == "联通"
    assert line_of("10.2.2.3:5001", CARRIERS.networks) == "10.2.2.0/24"
    assert line_of("", CARRIERS.networks) == UNKNOWN_LINE


def test_enough_devices_of_one_carrier_within_the_window_are_its_outage() -> None:
    gone = [lost(f"10.1.0.{n}:1", n, f"u{n}") for n in range(4)] + [lost("10.2.0.1:1")]
    (line,) = lines(gone, 100, CARRIERS)
    assert (line.name, len(line.lost), line.units) == ("电信", 4, 4)


def test_losses_spread_over_the_day_are_no_outage() -> None:
    assert lines([lost("10.1.0.1:1", 3600 * n) for n in range(9)], 100, CARRIERS) == []


def test_when_half_of_all_links_are_gone_the_line_is_our_own() -> None:
    gone = [lost(f"10.1.0.{n}:1") for n in range(5)] + [lost(f"10.9.{n}.1:1") for n in range(5)]
    (line,) = lines(gone, 20, CARRIERS)
    assert (line.name, len(line.lost)) == (OUR_LINE, 10)
