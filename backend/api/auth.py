"""Who is calling: a bearer token, or one of two HttpOnly cookies (phone page, duty desk).

The rule: a cookie alone changes nothing. A request that changes something and comes by cookie carries the header
`X-Fenghuo` and comes from our own pages, as the browser itself says (Sec-Fetch-Site, Origin). A page that names its
person in `X-Fenghuo-Person` acts for nobody else who signed in on the same browser meanwhile.
"""

from typing import Any, Final

from litestar import Request
from litestar.di import NamedDependency, Provide

from backend.api.edge import ProvenSessions
from backend.core.cookies import DESK_COOKIE, PHONE_COOKIE, bearer_of, is_same_origin
from backend.core.db.engine import fetch_one
from backend.core.errors import NotAllowed, NotSignedIn
from backend.core.i18n import N_
from backend.core.ids import token_digest
from backend.core.vocabulary import Via
from backend.people.model import Person
from backend.people.service import person_of_session

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: which way an answer came, by the kind of session
_VIA: Final = {"phone": Via.PHONE, "console": Via.CONSOLE, "api": Via.API}

AnyRequest = Request[Any, Any, Any]


def is_desk(request: AnyRequest) -> bool:
    """Whether the duty desk calls; its pages say so, since a browser may hold both cookies."""
    return (
        request.headers.get("X-Fenghuo") == "desk"
        or request.query_params.get("seat") == "desk"
        or (not request.url.path.startswith(("/m/", "/mp/", "/demo")) and request.url.path != "/m")
    )


def _token(request: AnyRequest) -> str:
    if bearer := bearer_of(request.headers):
        return bearer
    cookie = request.cookies.get(DESK_COOKIE if is_desk(request) else PHONE_COOKIE, "")
    if not cookie:
        raise NotSignedIn(N_("请先登录"))
    if request.method not in _SAFE and not (request.headers.get("X-Fenghuo") and is_same_origin(request.headers)):
        raise NotAllowed(N_("请求不是从本系统的页面发出的"))
    return cookie


async def provide_person(request: AnyRequest) -> Person:
    """The Person who is calling. Raises NotSignedIn, and NotAllowed for a request from a foreign page."""
    token = _token(request)
    proven: ProvenSessions = request.app.state.proven
    try:
        person = await person_of_session(token)
    except NotSignedIn:
        proven.discard(token_digest(token))
        raise
    proven.add(token_digest(token))
    if request.headers.get("X-Fenghuo-Person", str(person.id)) != str(person.id):
        raise NotSignedIn(N_("此页面属于另一位登录者，请刷新后重试"))
    request.scope["user"] = person
    request.scope["auth"] = token
    return person


async def provide_via(request: AnyRequest, person: NamedDependency[Person]) -> Via:
    """The way this answer comes, by the kind of the session that `person` was found by."""
    row = await fetch_one("select kind from sessions where digest = $1 and person = $2", _digest(request), person.id)
    return _VIA.get(row["kind"] if row else "", Via.API)


async def provide_operator(via: NamedDependency[Via], person: NamedDependency[Person]) -> Person:
    """The Person behind an API token; other sessions don't open the operator's API."""
    if via is not Via.API:
        raise NotAllowed(N_("此接口只接受接口令牌"))
    return person


def _digest(request: AnyRequest) -> str:
    return token_digest(str(request.scope["auth"]))


DEPENDENCIES: Final = {
    "person": Provide(provide_person),
    "via": Provide(provide_via),
    "operator": Provide(provide_operator),
}
