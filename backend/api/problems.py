"""Refusals and faults as `application/problem+json`, in the caller's language (RFC 9457).

The rule: a Refused is told; a bug is logged once with its path and answered with a sentence that says nothing.
"""

import logging
from typing import Any

from litestar import Request, Response
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin

from backend.core.errors import Refused
from backend.core.i18n import N_, translate
from backend.people.model import Person

log = logging.getLogger(__name__)


def language_of(request: Request[Any, Any, Any]) -> str:
    """The caller's own language if we know them, else what the browser asks for."""
    person = request.scope.get("user")
    if isinstance(person, Person):
        return person.language
    return request.headers.get("Accept-Language", "").split(",", maxsplit=1)[0].split(";", maxsplit=1)[0].strip()


def sentence_of(error: Refused, language: str) -> str:
    """The refusal's sentence in `language`; one that was filled in already stays as it is."""
    try:
        return translate(error.sentence, language, **error.facts)
    except (KeyError, IndexError, ValueError):  # what a person typed may hold braces
        return error.sentence


def refused(request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    """A refusal as a problem document."""
    sentence = sentence_of(error, language_of(request))
    problem = ProblemDetailsException(
        detail=sentence,
        status_code=error.status,
        title=error.code,
        type_=f"urn:fenghuo:problem:{error.code}",
        extra={"code": error.code},
        headers={"Retry-After": "10"} if error.status == 429 else None,
    )
    return problem.to_response(request)


def bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault of our own: logged with its path, told without its inside."""
    log.error("request failed", exc_info=error, extra={"path": request.url.path, "method": request.method})
    problem = ProblemDetailsException(
        detail=translate(N_("服务内部出错，已记录"), language_of(request)),
        status_code=500,
        title="internal_error",
        type_="urn:fenghuo:problem:internal_error",
        extra={"code": "internal_error"},
    )
    return problem.to_response(request)


PLUGIN = ProblemDetailsPlugin(ProblemDetailsConfig(enable_for_all_http_exceptions=True))
