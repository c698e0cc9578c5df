"""What a telephone vendor is asked and what it may answer: the contract every vendor's client keeps. Pure.

The rule: a client raises `VendorRefusal` and nothing else. It draws nothing and decides nothing: words come from
`workers.channels.words`, and what a refusal leads to is the channel's affair.
"""

from enum import StrEnum
from typing import Final, Protocol

import msgspec

from backend.core.ids import AttemptId
from backend.delivery.model import RefusalKind


class Purpose(StrEnum):
    """What a text is for: carriers in China send filed templates only, one for each of these."""

    FIRE = "fire"
    ABNORMAL = "abnormal"
    FAULT = "fault"
    OFFLINE = "offline"
    RESTORED = "restored"
    STORM = "storm"  #: many at once: a summary
    NOTE = "note"  #: anything that asks for no answer: a mask, a drill, a trial of a contact


class Sms(msgspec.Struct, frozen=True, kw_only=True):
    """One text message (短信) to one telephone.

    `text` is complete, the signature included, and what a vendor without templates sends; `parts` are the values
    of the filed template's variables, by name and in the template's order.
    """

    attempt: AttemptId
    number: int  #: the attempt's short number
    phone: str  #: E.164
    purpose: Purpose
    text: str
    parts: tuple[tuple[str, str], ...]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One telephone call (语音电话): what is said, and which keys are offered."""

    attempt: AttemptId
    number: int  #: the attempt's short number
    phone: str  #: E.164
    purpose: Purpose
    language: str
    sentence: str  #: the message once; location first
    prompt: str  #: which key does what
    parts: tuple[tuple[str, str], ...]  #: the template's values, as they are spoken
    keys: tuple[str, ...]

    @property
    def spoken(self) -> str:
        """All of it, as a vendor without templates says it: the message twice, then the keys."""
        return f"{self.sentence} {self.sentence} {self.prompt}".strip()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor took it. `id` is what its receipts will quote (BizId, SerialNo, CallId, sid)."""

    vendor: str
    id: str


#: kinds that no repetition of the same message to the same vendor can mend
PERMANENT: Final = frozenset(
    {RefusalKind.CONTACT, RefusalKind.CONTENT, RefusalKind.CONFIGURATION, RefusalKind.MONEY, RefusalKind.LIMIT}
)


class VendorRefusal(Exception):  # noqa: N818 - what the vendor did
    """The vendor did not take it, or we can't know. `code` is the vendor's own word; `retry_after` in seconds."""

    def __init__(self, kind: RefusalKind, reason: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.code = code
        self.retry_after = retry_after


class Vendor(Protocol):
    """What every vendor's client has."""

    @property
    def name(self) -> str:
        """The vendor's name, as attempts and receipts quote it: "aliyun", "tencent", "twilio"."""
        ...

    async def open(self) -> None:
        """Take up connections."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class SmsVendor(Vendor, Protocol):
    """A vendor of text messages."""

    async def send(self, sms: Sms) -> Taken:
        """Hand over one message. Raises VendorRefusal and nothing else."""
        ...


class VoiceVendor(Vendor, Protocol):
    """A vendor of telephone calls."""

    async def call(self, call: Call) -> Taken:
        """Have one telephone rung. Raises VendorRefusal and nothing else."""
        ...
