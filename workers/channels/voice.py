"""The `voice` channel (语音电话): one call, by the first vendor for that country that takes it.

"Accepted" means that the telephone is being rung. Whether somebody listened comes later, by the vendor's callback.
"""

from collections.abc import Sequence
from typing import ClassVar

from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Delivery, Receipt, Refusal
from workers.channels.ports import VoiceVendor
from workers.channels.telephones import Exchange
from workers.channels.words import call_of


class VoiceChannel:
    """A Channel (delivery.model). `timeout_s` bounds one `send` over all its vendors."""

    name: ClassVar[ChannelName] = ChannelName.VOICE
    can_edit: ClassVar[bool] = False

    def __init__(self, home: Sequence[VoiceVendor], abroad: Sequence[VoiceVendor], *, timeout_s: float) -> None:
        self._exchange = Exchange(self.name, home, abroad, timeout_s)

    async def open(self) -> None:
        """Take up connections."""
        await self._exchange.open()

    async def close(self) -> None:
        """Give connections back."""
        await self._exchange.close()

    async def send(self, delivery: Delivery) -> Receipt:
        """Have the telephone rung. The surface is {"vendor": name, "id": its own, "after": who did not take it}."""
        call = call_of(delivery)
        return await self._exchange.line_to(call.phone).carry(delivery, lambda vendor: vendor.call(call))

    async def edit(self, delivery: Delivery) -> Receipt:
        """What was said was said."""
        raise Refusal(f"voice: {delivery.attempt} can't be said again", permanent=True)
