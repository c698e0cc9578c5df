"""The `sms` channel (短信): one text, by the first vendor for that country that takes it."""

from collections.abc import Sequence
from typing import ClassVar

from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Delivery, Receipt, Refusal
from workers.channels.ports import SmsVendor
from workers.channels.telephones import Exchange
from workers.channels.words import sms_of


class SmsChannel:
    """A Channel (delivery.model). `timeout_s` bounds one `send` over all its vendors."""

    name: ClassVar[ChannelName] = ChannelName.SMS
    can_edit: ClassVar[bool] = False

    def __init__(self, home: Sequence[SmsVendor], abroad: Sequence[SmsVendor], *, sign: str, timeout_s: float) -> None:
        self._exchange = Exchange(self.name, home, abroad, timeout_s)
        self._sign = sign

    async def open(self) -> None:
        """Take up connections."""
        await self._exchange.open()

    async def close(self) -> None:
        """Give connections back."""
        await self._exchange.close()

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand over a text. The surface is {"vendor": name, "id": its own, "after": who did not take it}."""
        sms = sms_of(delivery, sign=self._sign)
        return await self._exchange.line_to(sms.phone).carry(delivery, lambda vendor: vendor.send(sms))

    async def edit(self, delivery: Delivery) -> Receipt:
        """A text stays as it was sent."""
        raise Refusal(f"sms: {delivery.attempt} can't be drawn again", permanent=True)
