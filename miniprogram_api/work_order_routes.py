"""`/mp/v1/work-orders`: work orders from a phone or the duty desk's pages."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, JSONBody, QueryParameter

from backend.core.ids import UnitId
from backend.core.vocabulary import Via
from backend.evidence.model import MOST_OCTETS
from backend.people.model import Person
from backend.work_orders.queries import OrderLine, OrderView, Which, order_view, orders_for
from backend.work_orders.showing import piece_for
from backend.work_orders.wire import (
    ActIn,
    NoteIn,
    OrderDone,
    OrderIn,
    PartsIn,
    WhereIn,
    act_by,
    keep_by,
    locate_by,
    note_by,
    open_by,
    parts_by,
)

_MOST: Final = 300
_FORM_OCTETS: Final = 4096  # what a multipart body has around its one file
Limit = Annotated[int, QueryParameter(ge=1, le=_MOST)]
FileForm = Annotated[UploadFile, Body(media_type=RequestEncodingType.MULTI_PART)]


class WorkOrders(Controller):
    """Work orders (工单) of the caller's units."""

    path = "/mp/v1/work-orders"
    tags = ("phone",)

    @get()
    async def list_orders(
        self,
        person: NamedDependency[Person],
        which: FromQuery[Which] = "open",
        unit: FromQuery[UUID | None] = None,
        limit: Limit = 100,
    ) -> list[OrderLine]:
        """Those to take, do or verify (`mine`); all that are open, urgent first; or ended ones."""
        return await orders_for(person, which, unit=UnitId(unit) if unit else None, limit=limit)

    @post(status_code=200)
    async def open(
        self, person: NamedDependency[Person], via: NamedDependency[Via], data: JSONBody[OrderIn]
    ) -> OrderDone:
        """From an alarm, or by hand. An alarm has one live order: asked again, it is found."""
        return await open_by(person, data, via)

    @get("/{order_id:uuid}")
    async def order(self, person: NamedDependency[Person], order_id: FromPath[UUID]) -> OrderView:
        """One order with its story, its evidence, its chain, and what the caller may do now."""
        return await order_view(person, order_id)

    @post("/{order_id:uuid}/acts", status_code=200)
    async def act(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        order_id: FromPath[UUID],
        data: JSONBody[ActIn],
    ) -> OrderDone:
        """One act by the table of states. A second time by the same person changes nothing."""
        return await act_by(person, order_id, data, via)

    @post("/{order_id:uuid}/evidence", status_code=200, request_max_body_size=MOST_OCTETS + _FORM_OCTETS)
    async def evidence(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        order_id: FromPath[UUID],
        data: FileForm,
        key: FromQuery[UUID | None] = None,
    ) -> OrderDone:
        """A photo, a voice note or a PDF, as one file of a multipart form; `key`: of a sender who may send it twice."""
        return await keep_by(person, order_id, data.filename, await data.read(), via, key)

    @get("/{order_id:uuid}/evidence/{evidence_id:uuid}")
    async def piece(
        self, person: NamedDependency[Person], order_id: FromPath[UUID], evidence_id: FromPath[UUID]
    ) -> Response[bytes]:
        """A piece of the order's evidence as it came."""
        piece, octets = await piece_for(person, order_id, evidence_id)
        headers = {"Content-Disposition": "inline", "Cache-Control": "private, max-age=86400"}
        return Response(octets, media_type=piece.media_type, headers=headers)

    @post("/{order_id:uuid}/location", status_code=200)
    async def location(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        order_id: FromPath[UUID],
        data: JSONBody[WhereIn],
    ) -> OrderDone:
        """Where the maintainer says they are."""
        return await locate_by(person, order_id, data, via)

    @post("/{order_id:uuid}/parts", status_code=200)
    async def parts(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        order_id: FromPath[UUID],
        data: JSONBody[PartsIn],
    ) -> OrderDone:
        """Parts that were used."""
        return await parts_by(person, order_id, data, via)

    @post("/{order_id:uuid}/notes", status_code=200)
    async def note(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        order_id: FromPath[UUID],
        data: JSONBody[NoteIn],
    ) -> OrderDone:
        """A line for the story."""
        return await note_by(person, order_id, data, via)
