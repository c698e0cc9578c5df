"""Signing in and out: a one-time code becomes a session cookie, for the phone page or the duty desk.

The rule: a link never signs anybody in by itself, because chats open links to preview them; the page it opens does,
with a tap or its script. In the demo, a browser on this machine is signed in as a sample person.
"""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from backend.console.pages import browser_language, draw
from backend.core.cookies import DESK_COOKIE, PHONE_COOKIE, is_same_origin
from backend.core.db.engine import fetch_one, transaction
from backend.core.errors import NotAllowed, Refused, TooMany
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId
from backend.core.limits import Buckets
from backend.core.peers import caller_address, is_this_machine
from backend.core.settings import Settings
from backend.core.vocabulary import Role
from backend.ledger.service import record_action
from backend.people.model import SESSION_LIFETIMES, CodePurpose, SessionKind
from backend.people.service import close_session, open_session, redeem_code

AnyRequest = Request[Any, Any, Any]
_CODES_PER_MINUTE: Final = 10
_tries: Final = Buckets(per_minute=_CODES_PER_MINUTE)
_FIRST_WITH_ROLE: Final = """
    select p.id from people p join grants g on g.person = p.id
    where g.role = $1 and p.is_active order by p.created_at, p.code limit 1
"""


class Seat(msgspec.Struct, frozen=True):
    """Where somebody sits down: which cookie and session, and whose place it is in the demo."""

    home: str
    enter: str
    cookie: str
    kind: SessionKind
    demo_role: Role


PHONE: Final = Seat("/m", "/m/enter", PHONE_COOKIE, SessionKind.PHONE, Role.UNIT_MANAGER)
DESK: Final = Seat("/", "/enter", DESK_COOKIE, SessionKind.CONSOLE, Role.PROVIDER_OPERATOR)


class EnterForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form's fields."""

    code: str


def _peer(request: AnyRequest) -> str:
    return request.client.host if request.client else ""


def _forwarded(request: AnyRequest) -> list[str]:
    return request.headers.getall("X-Forwarded-For", [])


def _is_here(request: AnyRequest, settings: Settings) -> bool:
    name = request.url.hostname or ""
    return is_this_machine(_peer(request), name, _forwarded(request), settings.http.trusted_proxies)


async def _seated(seat: Seat, person: PersonId, request: AnyRequest, settings: Settings) -> Response[None]:
    token = await open_session(person, seat.kind, request.headers.get("User-Agent", "")[:80])
    answer = Redirect(seat.home, status_code=303)
    answer.set_cookie(
        Cookie(
            key=seat.cookie,
            value=token,
            max_age=int(SESSION_LIFETIMES[seat.kind].total_seconds()),
            httponly=True,
            samesite="lax",
            secure=settings.http.secure_cookies,
        )
    )
    return answer


async def _door(seat: Seat, request: AnyRequest, settings: Settings, *, is_demo: bool, code: str = "") -> Response[Any]:
    """The page with the form; in the demo straight to the sample person's seat."""
    if is_demo and not code and "stay" not in request.query_params and _is_here(request, settings):
        row = await fetch_one(_FIRST_WITH_ROLE, seat.demo_role)
        if row is not None:
            return await _seated(seat, PersonId(row["id"]), request, settings)
    return _form(seat, request, code=code)


def _form(seat: Seat, request: AnyRequest, *, code: str = "", error: Refused | None = None) -> Response[str]:
    language = browser_language(request)
    return draw(
        "enter.html",
        language=language,
        timezone="UTC",
        status=error.status if error else 200,
        code=code,
        action=seat.enter,
        is_desk=seat is DESK,
        error=translate(error.sentence, language) if error else "",
    )


async def _sign_in(seat: Seat, request: AnyRequest, settings: Settings, code: str) -> Response[Any]:
    try:
        if not is_same_origin(request.headers):
            raise NotAllowed(N_("请求不是从本系统的页面发出的"))
        if not _tries.take(caller_address(_peer(request), _forwarded(request), settings.http.trusted_proxies)):
            raise TooMany(N_("尝试次数过多，请稍后再试"))
        answer = await _redeemed(seat, request, settings, code)
        if answer is None:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
    except Refused as error:
        return _form(seat, request, error=error)
    return answer


async def _redeemed(seat: Seat, request: AnyRequest, settings: Settings, code: str) -> Response[None] | None:
    """The code used up and the session opened, both in the ledger; None: this seat is not the person's."""
    async with transaction():
        person = await redeem_code(code.strip(), CodePurpose.PHONE)
        is_theirs = seat is not DESK or person.is_provider
        answer = await _seated(seat, person.id, request, settings) if is_theirs else None
        what = "session.opened" if is_theirs else "session.refused"
        facts = {"kind": str(seat.kind), "peer": request.client.host if request.client else ""}
        await record_action(person.code, what, facts | {"label": request.headers.get("User-Agent", "")[:80]})
    return answer


async def _leave(seat: Seat, request: AnyRequest) -> Response[Any]:
    if not is_same_origin(request.headers):
        raise NotAllowed(N_("请求不是从本系统的页面发出的"))
    if token := request.cookies.get(seat.cookie):
        await close_session(token)
    answer = Redirect(f"{seat.enter}?stay=1", status_code=303)
    answer.delete_cookie(seat.cookie)
    return answer


@get("/m/enter")
async def phone_door(
    request: AnyRequest, settings: NamedDependency[Settings], is_demo: NamedDependency[bool]
) -> Response[Any]:
    """Where a phone enters its one-time code."""
    return await _door(PHONE, request, settings, is_demo=is_demo)


@get("/m/enter/{code:str}")
async def phone_door_with_code(
    request: AnyRequest,
    settings: NamedDependency[Settings],
    is_demo: NamedDependency[bool],
    code: FromPath[str],
) -> Response[Any]:
    """The same with the code filled in: what a link leads to."""
    return await _door(PHONE, request, settings, is_demo=is_demo, code=code)


@post("/m/enter", status_code=200)
async def phone_sign_in(
    request: AnyRequest, settings: NamedDependency[Settings], data: URLEncodedBody[EnterForm]
) -> Response[Any]:
    """The code becomes the phone's cookie."""
    return await _sign_in(PHONE, request, settings, data.code)


@post("/m/leave", status_code=303)
async def phone_leave(request: AnyRequest) -> Response[Any]:
    """The phone's session ends."""
    return await _leave(PHONE, request)


@get("/enter")
async def desk_door(
    request: AnyRequest, settings: NamedDependency[Settings], is_demo: NamedDependency[bool]
) -> Response[Any]:
    """Where a duty operator enters a one-time code."""
    return await _door(DESK, request, settings, is_demo=is_demo)


@post("/enter", status_code=200)
async def desk_sign_in(
    request: AnyRequest, settings: NamedDependency[Settings], data: URLEncodedBody[EnterForm]
) -> Response[Any]:
    """The code becomes the desk's cookie; only the provider's people sit here."""
    return await _sign_in(DESK, request, settings, data.code)


@post("/leave", status_code=303)
async def desk_leave(request: AnyRequest) -> Response[Any]:
    """The desk's session ends."""
    return await _leave(DESK, request)


DOORS: Final = [
    phone_door,
    phone_door_with_code,
    phone_sign_in,
    phone_leave,
    desk_door,
    desk_sign_in,
    desk_leave,
]
