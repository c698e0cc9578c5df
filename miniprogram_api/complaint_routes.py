"""`/mp/v1/complaints`: complaints and feedback from a phone or the provider's pages (5.5)."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from backend.complaints import handling, service
from backend.complaints.figures import Figures
from backend.complaints.queries import ComplaintLine, ComplaintStory, complaint_story, complaints_for, piece_for
from backend.complaints.reports import export_csv, figures_for
from backend.complaints.routing import set_duties
from backend.complaints.wire import (
    DoneOut,
    DutiesIn,
    FileIn,
    KeptOut,
    OrderOfIn,
    RatingIn,
    SettleIn,
    TransferIn,
    WhyIn,
    WordsIn,
    done,
    file_by,
    order_by,
    pieces,
)
from backend.core.ids import PersonId
from backend.core.settings import Settings
from backend.core.vocabulary import Via
from backend.evidence.model import MOST_OCTETS, MediaKind
from backend.evidence.service import keep
from backend.people.model import Person
from backend.work_orders.wire import OrderDone

_MOST: Final = 300
_LARGEST: Final = MOST_OCTETS + 1024
Which = Literal["open", "over", "all"]
Limit = Annotated[int, QueryParameter(ge=1, le=_MOST)]
#: what a browser may show by itself; anything else is handed over as a file
_SHOWN: Final = ("image/", "audio/")


def piece_response(media_type: str, octets: bytes) -> Response[bytes]:
    """A piece of evidence as a response that runs nothing."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
    if not media_type.startswith(_SHOWN):
        headers["Content-Disposition"] = "attachment"
    return Response(octets, media_type=media_type, headers=headers)


class Complaints(Controller):
    """Complaints and feedback (投诉、服务反馈)."""

    path = "/mp/v1/complaints"
    tags = ("phone",)

    @get()
    async def list_complaints(
        self,
        person: NamedDependency[Person],
        which: FromQuery[Which] = "open",
        own: FromQuery[bool] = False,
        limit: Limit = 100,
    ) -> list[ComplaintLine]:
        """Those the caller may see, the nearest deadline first; `own`: only what they filed."""
        return await complaints_for(person, which, own=own, limit=limit)

    @get("/figures")
    async def figures(
        self, person: NamedDependency[Person], settings: NamedDependency[Settings], month: FromQuery[str] = ""
    ) -> Figures:
        """A month ("2026-11"; empty: the present one): how many, how fast, how satisfied, why."""
        return await figures_for(person, month, settings.provider.timezone)

    @get("/export.csv", media_type="text/csv; charset=utf-8")
    async def export(
        self, person: NamedDependency[Person], settings: NamedDependency[Settings], month: FromQuery[str] = ""
    ) -> str:
        """The month's rounds, one a line."""
        return await export_csv(person, month, settings.provider.timezone)

    @get("/{complaint_id:uuid}")
    async def story(self, person: NamedDependency[Person], complaint_id: FromPath[UUID]) -> ComplaintStory:
        """One with its story and its rounds; a complainant's has nothing internal."""
        return await complaint_story(person, complaint_id)

    @get("/{complaint_id:uuid}/evidence/{piece:uuid}")
    async def piece(
        self, person: NamedDependency[Person], complaint_id: FromPath[UUID], piece: FromPath[UUID]
    ) -> Response[bytes]:
        """A photo, a voice note or a paper that came with it."""
        found, octets = await piece_for(person, complaint_id, piece)
        return piece_response(found.media_type, octets)

    @post("/evidence", status_code=201, request_max_body_size=_LARGEST)
    async def keep_evidence(
        self,
        person: NamedDependency[Person],
        request: Request[Any, Any, Any],
        name: Annotated[str, QueryParameter(max_length=120)] = "",
    ) -> KeptOut:
        """A file as it is, which filing or answering then names; what it is, its first octets say."""
        return KeptOut(id=await keep(person, MediaKind.DOCUMENT, name, await request.body()))

    @post(status_code=200)
    async def file(self, person: NamedDependency[Person], via: NamedDependency[Via], data: JSONBody[FileIn]) -> DoneOut:
        """Its number and both deadlines at once."""
        return await file_by(person, data, via)

    @post("/{complaint_id:uuid}/answers", status_code=200)
    async def answer(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[WordsIn],
    ) -> DoneOut:
        """The complainant says more; a clock that rested goes on."""
        return done(await service.answer(person, complaint_id, data.text, via, pieces(data.evidence)), person.language)

    @post("/{complaint_id:uuid}/withdrawal", status_code=200)
    async def withdraw(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[WhyIn],
    ) -> DoneOut:
        """The complainant takes it back, and is asked for a rating."""
        return done(await service.withdraw(person, complaint_id, data.text, via), person.language)

    @post("/{complaint_id:uuid}/rating", status_code=200)
    async def rate(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[RatingIn],
    ) -> DoneOut:
        """1 to 5 and why; this closes it."""
        return done(await service.rate(person, complaint_id, data.rating, data.reason, via), person.language)

    @post("/{complaint_id:uuid}/reopening", status_code=200)
    async def reopen(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[WordsIn],
    ) -> DoneOut:
        """Within 15 days: a new round; the old one stays as it was."""
        return done(await service.reopen(person, complaint_id, data.text, via, pieces(data.evidence)), person.language)

    @post("/{complaint_id:uuid}/taking", status_code=200)
    async def take(
        self, person: NamedDependency[Person], via: NamedDependency[Via], complaint_id: FromPath[UUID]
    ) -> DoneOut:
        """A handler begins, or takes it over."""
        return done(await handling.take(person, complaint_id, via), person.language)

    @post("/{complaint_id:uuid}/orders", status_code=200)
    async def order(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[OrderOfIn],
    ) -> OrderDone:
        """A work order of the complaint's unit; asked again, the live one."""
        return await order_by(person, complaint_id, data, via)

    @post("/{complaint_id:uuid}/transfer", status_code=200)
    async def transfer(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[TransferIn],
    ) -> DoneOut:
        """To another handler, never the person it is about."""
        return done(await handling.transfer(person, complaint_id, PersonId(data.to), data.text, via), person.language)

    @post("/{complaint_id:uuid}/notes", status_code=200)
    async def note(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[WordsIn],
    ) -> DoneOut:
        """Internal: the complainant never sees it."""
        return done(await handling.note(person, complaint_id, data.text, via, pieces(data.evidence)), person.language)

    @post("/{complaint_id:uuid}/replies", status_code=200)
    async def reply(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[WordsIn],
    ) -> DoneOut:
        """It reaches the complainant in the chat they used, or by the next way."""
        return done(await handling.reply(person, complaint_id, data.text, via, pieces(data.evidence)), person.language)

    @post("/{complaint_id:uuid}/questions", status_code=200)
    async def ask_back(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[WordsIn],
    ) -> DoneOut:
        """The clock of the settlement rests until the complainant answers."""
        return done(
            await handling.ask_back(person, complaint_id, data.text, via, pieces(data.evidence)), person.language
        )

    @post("/{complaint_id:uuid}/settlement", status_code=200)
    async def settle(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        complaint_id: FromPath[UUID],
        data: JSONBody[SettleIn],
    ) -> DoneOut:
        """With cause and improvement where it is justified; asks for a rating."""
        return done(await handling.settle(person, complaint_id, data.settlement, via), person.language)

    @post("/handlers/{handler:uuid}/kinds", status_code=204)
    async def duties(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        handler: FromPath[UUID],
        data: JSONBody[DutiesIn],
    ) -> None:
        """Which kinds a handler is there for; none: all."""
        await set_duties(person, PersonId(handler), data.kinds, via)
