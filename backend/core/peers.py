"""Who holds the other end of an HTTP connection, also behind proxies of our own.

The rule: a forwarded address counts only as far as proxies that the settings trust passed it on; the right-most
address that is none of theirs is the caller, and what stands to the left of it is anybody's.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=256)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _is_trusted(text: str, trusted: Sequence[str]) -> bool:
    address = _address(text)
    return address is not None and any(address in _network(each) for each in trusted)


def caller_address(peer: str, forwarded_for: Iterable[str], trusted: Sequence[str]) -> str:
    """The caller's address: `peer`, or what trusted proxies say in X-Forwarded-For (all its lines, in order).

    `trusted` are addresses or networks. A word that is no address ends the search at the proxy that passed it on.
    """
    caller = peer
    hops = [hop for line in forwarded_for for hop in line.split(",")]
    while hops and _is_trusted(caller, trusted):
        hop = _address(hops.pop())
        if hop is None:
            break
        caller = str(hop)
    return caller


def is_this_machine(peer: str, host_name: str, forwarded_for: Iterable[str], trusted: Sequence[str]) -> bool:
    """Whether browser and address are on loopback; a name in Host could be anybody's (DNS rebinding).

    What any proxy passed on, trusted or not, comes from where it says, and never counts as this machine otherwise.
    """
    forwarded = list(forwarded_for)
    if host_name not in _LOCAL_NAMES or (forwarded and not _is_trusted(peer, trusted)):
        return False
    address = _address(caller_address(peer, forwarded, trusted))
    return address is not None and address.is_loopback
