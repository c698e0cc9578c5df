"""Every refusal of the Bot API this server gives, with the code and the very sentence of the real one.

The rule: a channel tells refusals apart by these codes and sentences, so they are quoted, never paraphrased.
Source: tdlib/telegram-bot-api `Client.cpp` and answers seen in the wild; `MESSAGE_TOO_LONG` for an edit but
"message is too long" for a send is the real server's own inconsistency.
"""

import math

import msgspec


class ResponseParameters(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client needs to put a refusal right: seconds to wait, or the chat's new id."""

    retry_after: int | None = None
    migrate_to_chat_id: int | None = None


class ApiRefusal(Exception):  # noqa: N818 - the house calls what a carrier answers a refusal
    """The Bot API says no: HTTP status and error code, sentence, parameters."""

    def __init__(self, code: int, description: str, parameters: ResponseParameters | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> ApiRefusal:
    """400: the request itself is wrong; sending it again changes nothing."""
    return ApiRefusal(400, f"Bad Request: {reason}")


def conflict(reason: str) -> ApiRefusal:
    """409: two consumers want the same updates."""
    return ApiRefusal(409, f"Conflict: {reason}")


def forbidden(reason: str) -> ApiRefusal:
    """403: the person or group does not want the bot."""
    return ApiRefusal(403, f"Forbidden: {reason}")


def too_many_requests(wait: float) -> ApiRefusal:
    """429, with the wait in whole seconds, at least one."""
    seconds = max(1, math.ceil(wait))
    return ApiRefusal(429, f"Too Many Requests: retry after {seconds}", ResponseParameters(retry_after=seconds))


def upgraded(new_chat_id: int) -> ApiRefusal:
    """400 with the id of the supergroup that a basic group became."""
    return ApiRefusal(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        ResponseParameters(migrate_to_chat_id=new_chat_id),
    )


UNAUTHORIZED = (401, "Unauthorized")
METHOD_NOT_FOUND = (404, "Not Found: method not found")
NOT_FOUND = (404, "Not Found")
METHOD_NOT_ALLOWED = (405, "Method Not Allowed")
TOO_LARGE = (413, "Request Entity Too Large")
INTERNAL_ERROR = (500, "Internal Server Error")

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
OTHER_POLLER = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "terminated by setWebhook request"
WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
STALE_QUERY = "query is too old and response timeout expired or query ID is invalid"
BLOCKED = "bot was blocked by the user"
