"""`/mp/v1/inbox`: the person's own cards, page by page or live, and the phone's word that it has them."""

from functools import partial
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from litestar.response import Stream

from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.live import Listener
from backend.delivery.service import received
from backend.people.model import Person
from backend.people.service import person_of_session
from miniprogram_api.inbox import PAGE, items_after
from miniprogram_api.stream import stream
from miniprogram_api.wire import InboxOut, ReceivedIn, ReceivedOut

_HIGHEST = 2**63 - 1
_MOST_DIGITS = len(str(_HIGHEST))
After = Annotated[int, QueryParameter(ge=0, le=_HIGHEST)]
LastEvent = Annotated[str, HeaderParameter(name="Last-Event-ID")]


def _start(after: int, last_event: str) -> int:
    """What the phone has: the browser's own memory of the stream, else what the page says."""
    if not last_event:
        return after
    is_number = last_event.isascii() and last_event.isdigit() and len(last_event) <= _MOST_DIGITS
    if not is_number or int(last_event) > _HIGHEST:
        raise BadInput(N_("Last-Event-ID 应为收件箱序号"))
    return int(last_event)


class Inbox(Controller):
    """The person's own inbox."""

    path = "/mp/v1/inbox"
    tags = ("phone",)

    @get()
    async def read(self, person: NamedDependency[Person], after: After = 0) -> InboxOut:
        """Items with a number above `after`, lowest first."""
        items = await items_after(person.id, after)
        return InboxOut(items=items, next_after=items[-1].seq if items else after, is_more=len(items) == PAGE)

    @get("/live")
    async def live(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        listener: NamedDependency[Listener],
        after: After = 0,
        last_event: LastEvent = "",
    ) -> Stream:
        """Server-sent events: `item` (replayed from `Last-Event-ID` or `after`), `changed`, `alive`."""
        return Stream(
            stream(person, _start(after, last_event), listener, partial(person_of_session, request.scope["auth"])),
            media_type="text/event-stream; charset=utf-8",
            headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
        )

    @post("/received", status_code=200)
    async def received(self, person: NamedDependency[Person], data: JSONBody[ReceivedIn]) -> ReceivedOut:
        """The phone has shown these cards; others' attempts are passed over."""
        return ReceivedOut(received=await received(person.id, data.attempts) if data.attempts else 0)
