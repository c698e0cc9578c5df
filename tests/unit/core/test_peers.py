"""Whose address counts behind proxies: the right-most one that is none of ours."""

import pytest

from backend.core.peers import caller_address, is_this_machine

PROXIES = ("10.0.0.0/8", "::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("203.0.113.5", ["1.2.3.4"], "203.0.113.5"),  # no proxy of ours: its word is anybody's
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("", ["1.2.3.4"], ""),
    ],
)
def test_the_right_most_address_that_is_no_proxy_of_ours_is_the_caller(
    peer: str, forwarded: list[str], caller: str
) -> None:
    assert caller_address(peer, forwarded, PROXIES) == caller


@pytest.mark.parametrize(
    ("peer", "host", "forwarded", "trusted", "is_here"),
    [
        ("127.0.0.1", "localhost", [], (), True),
        ("::1", "127.0.0.1", [], (), True),
        ("127.0.0.1", "evil.example", [], (), False),
        ("192.0.2.1", "localhost", [], (), False),
        ("127.0.0.1", "localhost", ["203.0.113.1"], (), False),  # a proxy nobody told us of
        ("127.0.0.1", "localhost", ["203.0.113.1"], ("127.0.0.1",), False),
        ("127.0.0.1", "localhost", ["127.0.0.1"], ("127.0.0.1",), True),
        ("", "localhost", [], (), False),
    ],
)
def test_only_loopback_is_this_machine(
    peer: str, host: str, forwarded: list[str], trusted: tuple[str, ...], is_here: bool
) -> None:
    assert is_this_machine(peer, host, forwarded, trusted) is is_here
