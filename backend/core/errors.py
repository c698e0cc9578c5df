"""Errors a caller can be told.

    Refused                     the request can't be done; the sentence says why
    ├── NotFound                unknown, or not yours: the two look the same
    ├── NotAllowed              you are known, this you may not do
    ├── BadInput                what was given is wrong, and where
    └── Conflict                it was so, but things have moved on

A `Refused` becomes a problem document (HTTP), a chat sentence, or a line on standard error. Anything else
that is raised is a bug: logged once with its context.
"""


class Refused(Exception):  # noqa: N818 - a refusal is the fact, not an error of ours (house.md §5)
    """The caller can be told: `sentence` is in the default language; `code` is stable for programs."""

    code = "refused"
    status = 400

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts = facts


class NotFound(Refused):
    """Unknown or forbidden; the two are never told apart."""

    code = "not_found"
    status = 404


class NotSignedIn(Refused):
    """No valid session or token came with the request."""

    code = "not_signed_in"
    status = 401


class NotAllowed(Refused):
    """The person is known and lacks the right."""

    code = "not_allowed"
    status = 403


class BadInput(Refused):
    """What was given is wrong; the sentence says what and where."""

    code = "bad_input"
    status = 400


class Conflict(Refused):
    """Things have moved on since the caller looked."""

    code = "conflict"
    status = 409


class TooMany(Refused):
    """A rate limit was met."""

    code = "too_many_requests"
    status = 429


class BadSettings(Refused):
    """A setting is unknown or wrong; the start is stopped."""

    code = "bad_settings"
