"""What goes wrong on purpose at a telephone carrier; each fault strikes as often as it says, in its order."""

from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """How a request is spoiled."""

    HTTP = "http"  #: an HTTP status without a word of the vendor's
    BUSINESS = "business"  #: the vendor's own error code
    STALL = "stall"  #: no answer for `seconds`
    DROP = "drop"  #: the connection is reset
    NONSENSE = "nonsense"  #: HTTP 200 and no JSON


class Fault(msgspec.Struct, kw_only=True):
    """A fault to come. Without an action it strikes any; without times, until cleared."""

    kind: FaultKind
    action: str | None = None
    status: int = 500
    code: str = ""
    message: str = ""
    seconds: float = 1.0
    times: int | None = None
    #: the message is sent all the same, only the answer is lost
    is_carried_out: bool = False


class FaultPlan:
    """The faults still to come."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan one more."""
        self.faults.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        self.faults.clear()

    def take(self, action: str) -> Fault | None:
        """The first fault meant for this request, used up once."""
        for fault in self.faults:
            if fault.action in {None, action} and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
