"""What goes wrong on purpose: each fault strikes the requests it names, as often as it says."""

from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """How a request is spoiled."""

    HTTP_500 = "http_500"
    HTTP_429 = "http_429"  #: with Retry-After: `seconds`
    STALL = "stall"  #: no answer for `seconds`, then the honest one
    CODE = "code"  #: refused with `code`


class Fault(msgspec.Struct, kw_only=True):
    """A fault to come. Without a resource it strikes any; without times, until cleared."""

    kind: FaultKind
    resource: str | None = None  #: "Messages" or "Calls"
    code: int = 20001
    status: int = 400
    seconds: float = 1.0
    times: int | None = None
    carried_out: bool = False  #: of a stall: the text is sent or the call made before the answer is held back


class FaultPlan:
    """The faults still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """One more."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        self._faults.clear()

    def take(self, resource: str) -> Fault | None:
        """The first one meant for this request, used up once."""
        found = next((each for each in self._faults if each.resource in (None, resource)), None)
        if found is not None and found.times is not None:
            found.times -= 1
            if found.times == 0:
                self._faults.remove(found)
        return found
