"""A piece of an order's evidence with its octets: who may see the order may see it."""

from uuid import UUID

from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.evidence.model import Evidence, EvidenceId
from backend.evidence.service import evidence, octets_of
from backend.people.model import Person
from backend.work_orders.rows import read_order
from backend.work_orders.service import ABOUT


async def piece_for(person: Person, order_id: UUID, evidence_id: UUID) -> tuple[Evidence, bytes]:
    """The piece and its octets. Raises `NoSuchOrder`; `NotFound` for a piece that is not this order's."""
    order = await read_order(person, order_id)
    piece = await evidence(EvidenceId(evidence_id))
    if (piece.about_kind, piece.about) != (ABOUT, order.id):
        raise NotFound(N_("没有此佐证，请重新发送"))
    return piece, await octets_of(piece.id)
