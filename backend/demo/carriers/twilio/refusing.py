"""What the server refuses a request for: Twilio's codes with their words and HTTP statuses. Pure."""

import re
from typing import Final
from urllib.parse import urlsplit

from backend.demo.carriers.telephony.serving import Answered

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
LONGEST_BODY: Final = 1600
_WORDS: Final = {
    12100: "Document parse failure",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    21205: "Url is not a valid URL",
    21211: "The 'To' number is not a valid phone number.",
    21212: "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21617: "The concatenated message body exceeds the 1600 character limit.",
}
#: any other code comes with 400
_STATUS: Final = {20003: 401, 20005: 403, 20404: 404, 20429: 429, 20500: 500, 63038: 429}
BUSY: Final = 20429


class ApiRefusal(Exception):  # noqa: N818 - what the server answers
    """A request is refused."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def refused(code: int, message: str = "", wait_s: float = 0) -> Answered:
    """The error answer; who asked too much is told how long to wait."""
    status = _STATUS.get(code, 400)
    problem = {
        "code": code,
        "message": message or _WORDS.get(code, "Refused"),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answered(status, problem, {"Retry-After": str(int(wait_s))} if code == BUSY else {})


def check(form: dict[str, str], *, sender: str) -> None:
    """What both resources ask of a form. Raises ApiRefusal."""
    if not E164.fullmatch(form.get("To", "")):
        raise ApiRefusal(21211)
    if not sender:
        raise ApiRefusal(21603)
    if not (E164.fullmatch(sender) or sender.startswith("MG")):
        raise ApiRefusal(21212)
    callback = form.get("StatusCallback", "")
    if callback and urlsplit(callback).scheme not in ("http", "https"):
        raise ApiRefusal(21609)


def check_body(body: str) -> None:
    """What a text must say. Raises ApiRefusal."""
    if not body:
        raise ApiRefusal(21602)
    if len(body) > LONGEST_BODY:
        raise ApiRefusal(21617)
