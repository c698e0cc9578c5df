"""`/api/v1/work-orders`: work orders for programs, with a token of kind `api`."""

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

    path = "/api/v1/work-orders"
    tags = ("operator",)

    @get()
    async def list_orders(
        self,
        operator: NamedDependency[Person],
        which: FromQuery[Which] = "open",
        unit: FromQuery[UUID | None] = None,
        limit: Limit = 100,
    ) -> list[OrderLine]:
        """Those to take, do or verify (`mine`); all that are open, urgent first; or ended ones."""
        return await orders_for(operator, which, unit=UnitId(unit) if unit else None, limit=limit)

    @post(status_code=200)
    async def open(self, operator: NamedDependency[Person], data: JSONBody[OrderIn]) -> OrderDone:
        """From an alarm, or by hand. An alarm has one live order: asked again, it is found."""
        return await open_by(operator, data, Via.API)

    @get("/{order_id:uuid}")
    async def order(self, operator: NamedDependency[Person], order_id: FromPath[UUID]) -> OrderView:
        """One order with its story, its evidence, its chain, and what the caller may do now."""
        return await order_view(operator, order_id)

    @post("/{order_id:uuid}/acts", status_code=200)
    async def act(
        self, operator: NamedDependency[Person], order_id: FromPath[UUID], data: JSONBody[ActIn]
    ) -> OrderDone:
        """One act by the table of states. A second time by the same person changes nothing."""
        return await act_by(operator, order_id, data, Via.API)

    @post("/{order_id:uuid}/evidence", status_code=200, request_max_body_size=MOST_OCTETS + _FORM_OCTETS)
    async def evidence(
        self,
        operator: NamedDependency[Person],
        order_id: FromPath[UUID],
        data: FileForm,
        key: FromQuery[UUID | None] = None,
    ) -> OrderDone:
        """A photo, a voice note or a PDF, as one file of a multipart form; `key`: of a sender who may send it twice."""
        return await keep_by(operator, order_id, data.filename, await data.read(), Via.API, key)

    @get("/{order_id:uuid}/evidence/{evidence_id:uuid}")
    async def piece(
        self, operator: NamedDependency[Person], order_id: FromPath[UUID], evidence_id: FromPath[UUID]
    ) -> Response[bytes]:
        """A piece of the order's evidence as it came."""
        piece, octets = await piece_for(operator, order_id, evidence_id)
        headers = {"Content-Disposition": "inline", "Cache-Control": "private, max-age=86400"}
        return Response(octets, media_type=piece.media_type, headers=headers)

    @post("/{order_id:uuid}/location", status_code=200)
    async def location(
        self, operator: NamedDependency[Person], order_id: FromPath[UUID], data: JSONBody[WhereIn]
    ) -> OrderDone:
        """Where the maintainer says they are."""
        return await locate_by(operator, order_id, data, Via.API)

    @post("/{order_id:uuid}/parts", status_code=200)
    async def parts(
        self, operator: NamedDependency[Person], order_id: FromPath[UUID], data: JSONBody[PartsIn]
    ) -> OrderDone:
        """Parts that were used."""
        return await parts_by(operator, order_id, data, Via.API)

    @post("/{order_id:uuid}/notes", status_code=200)
    async def note(
        self, operator: NamedDependency[Person], order_id: FromPath[UUID], data: JSONBody[NoteIn]
    ) -> OrderDone:
        """A line for the story."""
        return await note_by(operator, order_id, data, Via.API)
