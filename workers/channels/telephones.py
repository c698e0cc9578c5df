"""What SMS and voice have in common: which vendors a telephone's country is served by."""

import re
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Refusal
from backend.people.rules import CHINA
from workers.channels.choosing import Guarded, Line
from workers.channels.ports import Vendor

V = TypeVar("V", bound=Vendor)
#: a country code and a number, as the world dials it
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


class Exchange(Generic[V]):
    """The vendors of one kind by country. One that serves both at home and abroad has one breaker."""

    def __init__(self, kind: ChannelName, home: Sequence[V], abroad: Sequence[V], timeout_s: float) -> None:
        guarded = {vendor.name: Guarded(kind, vendor) for vendor in (*home, *abroad)}
        self.vendors = tuple(guarded.values())
        #: country code → who is asked; the first that fits. "+" fits any.
        self._lines: Final = tuple(
            (prefix, Line([guarded[vendor.name] for vendor in vendors], timeout_s))
            for prefix, vendors in ((CHINA, home), ("+", abroad))
        )

    async def open(self) -> None:
        """Take up connections."""
        for each in self.vendors:
            await each.vendor.open()

    async def close(self) -> None:
        """Give connections back."""
        for each in self.vendors:
            await each.vendor.close()

    def line_to(self, phone: str) -> Line[V]:
        """Who serves this telephone. Raises Refusal for what is no telephone number."""
        if not _E164.fullmatch(phone):
            raise Refusal("is no telephone number with its country code", permanent=True, contact_is_dead=True)
        return next(line for prefix, line in self._lines if phone.startswith(prefix))
