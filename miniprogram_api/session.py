"""`/mp/v1/session`, `/mp/v1/me`, `/mp/v1/status`: signing in with a one-time code, and the unit at a glance."""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from backend.core.db.engine import transaction
from backend.core.errors import TooMany
from backend.core.i18n import N_
from backend.core.limits import Buckets
from backend.core.peers import caller_address
from backend.core.settings import Settings
from backend.ledger.service import record_action
from backend.people.model import CodePurpose, Person, SessionKind
from backend.people.service import open_session, redeem_code
from miniprogram_api.status import StatusOut, status_of
from miniprogram_api.wire import PersonOut, SessionIn, SessionOut

_CODES_PER_MINUTE: Final = 10  # a code holds 160 random bits; the limit only keeps noise away
_LABEL_LENGTH: Final = 80


def person_out(person: Person) -> PersonOut:
    """What a phone is told of its own person."""
    return PersonOut(
        id=person.id,
        code=person.code,
        name=person.name,
        language=person.language,
        is_provider=person.is_provider,
        units=sorted(person.units),
    )


class Sessions(Controller):
    """Signing in, and who one is."""

    path = "/mp/v1"
    tags = ("phone",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tries = Buckets(per_minute=_CODES_PER_MINUTE)

    @post("/session")
    async def sign_in(
        self, request: Request[Any, Any, Any], settings: NamedDependency[Settings], data: JSONBody[SessionIn]
    ) -> SessionOut:
        """A token for a one-time code. The code works once."""
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getall("X-Forwarded-For", [])
        if not self._tries.take(caller_address(peer, forwarded, settings.http.trusted_proxies)):
            raise TooMany(N_("尝试次数过多，请稍后再试"))
        label = request.headers.get("User-Agent", "")[:_LABEL_LENGTH]
        async with transaction():
            person = await redeem_code(data.code, CodePurpose.PHONE)
            token = await open_session(person.id, SessionKind.PHONE, label)
            facts = {"kind": str(SessionKind.PHONE), "peer": peer, "label": label}
            await record_action(person.code, "session.opened", facts)
        return SessionOut(token=token, person=person_out(person))

    @get("/me")
    async def me(self, person: NamedDependency[Person]) -> PersonOut:
        """Who is signed in."""
        return person_out(person)

    @get("/status")
    async def status(self, person: NamedDependency[Person]) -> StatusOut:
        """Everything the person may see, counted: open alarms by severity, devices in touch and lost."""
        return await status_of(person)
