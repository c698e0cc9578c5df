"""What a provider calls us back with (`/hooks/<vendor>`), free of any web framework.

A vendor's folder says which paths it has and what it answers; `backend.api.hooks` mounts them. The rule: a hook proves
who calls before it reads anything, and refuses all when no secret is configured.
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec


class HookCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came."""

    path: str
    query: str  #: as it was sent, still encoded
    headers: Mapping[str, str]  #: names in lower case
    body: bytes


class HookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""

    status: int = 200
    media_type: str = "text/plain"
    body: str = ""


class Hook(msgspec.Struct, frozen=True):
    """A path that takes POST, and who answers."""

    path: str
    answer: Callable[[HookCall], Awaitable[HookAnswer]]
