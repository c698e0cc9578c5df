"""`/mp/v1/alarms`: the list, the card with its story, and the two answers a person gives: 确认 and 处置结论."""

from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from backend.alarms import queries
from backend.alarms.card import alarm_card
from backend.alarms.masks.windows import make_real
from backend.alarms.service import acknowledge, judge
from backend.alarms.showing import piece_for
from backend.core.i18n import _
from backend.core.ids import AlarmId
from backend.core.vocabulary import VIA_LABELS, Via
from backend.delivery.model import Card
from backend.evidence.model import EvidenceId
from backend.people.model import Person
from miniprogram_api.complaint_routes import piece_response
from miniprogram_api.wire import AcknowledgedOut, AlarmOut, RealOut, VerdictIn, VerdictOut

_MOST: Final = 200


class Alarms(Controller):
    """Alarms the person may see."""

    path = "/mp/v1/alarms"
    tags = ("phone",)

    @get()
    async def list_alarms(
        self,
        person: NamedDependency[Person],
        which: FromQuery[Literal["active", "recent", "masked"]] = "active",
        limit: Annotated[int, QueryParameter(ge=1, le=_MOST)] = 50,
    ) -> list[Card]:
        """The cards of those not closed, or of recent ones, newest first."""
        found = await queries.alarms_for(person, which, limit)
        return [alarm_card(alarm, person.language) for alarm in found]

    @get("/{alarm_id:uuid}")
    async def card(self, person: NamedDependency[Person], alarm_id: FromPath[UUID]) -> AlarmOut:
        """The card in the person's language, and the alarm's story."""
        card = await queries.card_for(person, AlarmId(alarm_id), person.language)
        history = await queries.history_for(person, AlarmId(alarm_id), person.language)
        return AlarmOut(card=card, history=list(history))

    @get("/{alarm_id:uuid}/evidence/{piece:uuid}")
    async def piece(
        self, person: NamedDependency[Person], alarm_id: FromPath[UUID], piece: FromPath[UUID]
    ) -> Response[bytes]:
        """A photo or a voice note that came with an answer, as it came."""
        found, octets = await piece_for(person, AlarmId(alarm_id), EvidenceId(piece))
        return piece_response(found.media_type, octets)

    @post("/{alarm_id:uuid}/acknowledgement", status_code=200)
    async def acknowledge(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        alarm_id: FromPath[UUID],
    ) -> AcknowledgedOut:
        """The person knows (确认). A second time answers with the first."""
        done = await acknowledge(person, AlarmId(alarm_id), via)
        language = person.language
        words = _("已记录：您已知晓", language)
        if not (done.is_new or done.is_again):
            way = _(VIA_LABELS[done.via], language)
            words = _("您已通过{way}确认过，无需重复", language, way=way)
        return AcknowledgedOut(
            is_new=done.is_new,
            at=done.at,
            via=done.via,
            known_by=[known.name for known in done.known_by],
            sentence=words,
        )

    @post("/{alarm_id:uuid}/verdict", status_code=200)
    async def judge(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        alarm_id: FromPath[UUID],
        data: JSONBody[VerdictIn],
    ) -> VerdictOut:
        """What was found on the spot (处置结论)."""
        await judge(person, AlarmId(alarm_id), data.verdict, via, data.note)
        return VerdictOut(verdict=data.verdict, sentence=_("处置结论已记录", person.language))

    @post("/{alarm_id:uuid}/reality", status_code=200)
    async def make_real(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        alarm_id: FromPath[UUID],
    ) -> RealOut:
        """What a drill or a mask kept quiet is real (升级为真实): everybody is told at once."""
        await make_real(person, AlarmId(alarm_id), via)
        return RealOut(sentence=_("已升级为真实报警，正在通知所有人", person.language))
