"""The two session cookies, and whether a browser says that a request came from our own pages.

The rule: HttpOnly, SameSite=Lax, Secure when served over HTTPS; a cookie alone changes nothing.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

PHONE_COOKIE: Final = "fenghuo_phone"  #: a session of kind phone
DESK_COOKIE: Final = "fenghuo_console"  #: a session of kind console; a browser may hold both


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether Sec-Fetch-Site, or in an older browser Origin, names our own pages. A program sends neither."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host", "")


def bearer_of(headers: Mapping[str, str]) -> str:
    """The token of an Authorization header; empty without one."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
