"""What settings are made of: bounded numbers, patterns, and secrets that never show themselves."""

from typing import Annotated

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]
#: finite: what waits for ever guards nothing
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
CountOrNone = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
WireAddress = Annotated[str, Meta(pattern="^[0-9a-f]{12}$")]
Level = Annotated[str, Meta(pattern="^(?i:debug|info|warning|error|critical)$")]
#: a carrier's signature (短信签名), which it puts before the text in brackets
SignName = Annotated[str, Meta(max_length=12, pattern=r"^[^【】\s]*$")]


class Secret(msgspec.Struct, frozen=True):
    """A string that does not show itself in `repr`, logs or errors."""

    value: str = ""

    def __repr__(self) -> str:
        return "Secret(…)" if self.value else "Secret()"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.value)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the settings; an unknown key is refused."""
