"""操作信息记录: operations read back after a gap (types 64, 84) are history, and must not act as news.

A reset read back from the panel's memory would end the fire that was reported after it: the states read again after
a gap already tell what stands. So a reset in a record is listed and ends nothing; another operation counts as if
told now, unless it is from before the gap: some devices answer with all they remember (extract, 4).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from backend.monitoring.model import Level, OperationSaid, Statement, TextSaid
from protocol_gateway.gb26875.bits import LabelledBit, OperationBit, UitdOperationBit, bits_of
from protocol_gateway.gb26875.tables import TypeFlag

#: types whose contents are records when they come as a response (应答)
RECORD_TYPES: Final = frozenset({TypeFlag.FACILITY_OPERATION, TypeFlag.UITD_OPERATION})
RECORD_KIND: Final = "operation_record"


def as_records(said: Iterable[Statement], since: datetime) -> tuple[Statement, ...]:
    """Operations read back, with what is history among them as text; `since` is the last known time."""
    return tuple(each for one in said for each in _as_record(one, since))


def _as_record(said: Statement, since: datetime) -> Iterator[Statement]:
    if not isinstance(said, OperationSaid):
        yield said
        return
    reset = OperationBit.RESET.mask  # the same bit in both tables, 6.3 and 6.5
    is_old = said.device_time is not None and said.device_time < since
    if is_old or said.flags & reset:
        yield TextSaid(subject=said.subject, kind=RECORD_KIND, text=_text_of(said), device_time=said.device_time)
    news = said.flags & ~reset
    if news and not is_old:
        yield msgspec.structs.replace(said, flags=news)


def _text_of(said: OperationSaid) -> str:
    table: type[LabelledBit] = UitdOperationBit if said.subject.level is Level.UITD else OperationBit
    names = {int(bit): bit.zh for bit in table}
    words = "、".join(names.get(bit, f"bit {bit}") for bit in bits_of(said.flags))
    return f"{words} #{said.operator}"
