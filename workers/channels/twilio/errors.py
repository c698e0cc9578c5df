"""What Twilio's error codes mean for us: tables, from its Error and Warning Dictionary."""

from typing import Final

import msgspec

from backend.delivery.model import RefusalKind
from workers.channels.ports import VendorRefusal

#: codes that refuse a request
KINDS: Final = {
    10001: RefusalKind.MONEY,  # account is not active
    10004: RefusalKind.BUSY,  # call concurrency limit exceeded
    12100: RefusalKind.CONTENT,  # document parse failure (TwiML)
    14107: RefusalKind.BUSY,  # message rate limit exceeded
    20003: RefusalKind.CONFIGURATION,  # permission denied: wrong sid or token
    20005: RefusalKind.MONEY,  # account not active
    20404: RefusalKind.CONFIGURATION,
    20429: RefusalKind.BUSY,  # too many requests
    21205: RefusalKind.CONFIGURATION,  # invalid URL
    21210: RefusalKind.CONFIGURATION,  # From is not verified
    21211: RefusalKind.CONTACT,  # invalid To
    21212: RefusalKind.CONFIGURATION,  # invalid From
    21214: RefusalKind.CONTACT,  # To can't be reached
    21215: RefusalKind.CONFIGURATION,  # this country is not enabled for calls
    21216: RefusalKind.CONFIGURATION,  # calls to this number are blocked by the account
    21217: RefusalKind.CONTACT,  # number does not appear to be valid
    21219: RefusalKind.CONFIGURATION,  # To is not verified (trial)
    21408: RefusalKind.CONFIGURATION,  # this country is not enabled for texts
    21602: RefusalKind.CONTENT,  # no body
    21603: RefusalKind.CONFIGURATION,  # no From
    21604: RefusalKind.CONTENT,  # no To
    21606: RefusalKind.CONFIGURATION,  # From can't send texts
    21608: RefusalKind.CONFIGURATION,  # To is not verified (trial)
    21609: RefusalKind.CONFIGURATION,  # invalid StatusCallback
    21610: RefusalKind.CONTACT,  # the recipient replied STOP
    21611: RefusalKind.BUSY,  # From has too many messages waiting
    21612: RefusalKind.CONFIGURATION,  # no way from this From to this To
    21614: RefusalKind.CONTACT,  # To is no mobile number
    21617: RefusalKind.CONTENT,  # longer than 1600 characters
    30001: RefusalKind.BUSY,  # queue overflow
    30002: RefusalKind.MONEY,  # account suspended
    63038: RefusalKind.LIMIT,  # the account's messages of the day are used up
}
#: where the code is not listed: by HTTP status, else by its hundred
STATUSES: Final = {
    401: RefusalKind.CONFIGURATION,
    402: RefusalKind.MONEY,
    403: RefusalKind.CONFIGURATION,
    404: RefusalKind.CONFIGURATION,
    429: RefusalKind.BUSY,
}
HUNDREDS: Final = {4: RefusalKind.CONTENT, 5: RefusalKind.AWAY}

#: codes of texts that did not arrive and that say something about the number itself
DEAD: Final = frozenset({"21211", "21610", "21614", "30005", "30006"})


class Problem(msgspec.Struct):
    """Twilio's error answer, as much of it as there is."""

    code: int | None = None
    message: str = ""


def refusal_of(status: int, body: bytes, retry_after: float | None) -> VendorRefusal:
    """What a status that is no success means. A 5xx is not taken at its word: its code may be a proxy's."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        problem = Problem()
    by_status = STATUSES.get(status) or HUNDREDS.get(status // 100, RefusalKind.CONFIGURATION)
    kind = by_status if problem.code is None or status >= 500 else KINDS.get(problem.code, by_status)
    code = str(problem.code or status)
    words = f"twilio: {code} {problem.message[:200]}".strip()
    return VendorRefusal(kind, words, code=code, retry_after=retry_after if kind is RefusalKind.BUSY else None)
