"""Refusals and faults as `application/problem+json`, in the caller's language (RFC 9457).

Each has `type`, `title`, `status`, `detail` and `code`; what is wrong with a request's fields stands in `errors`.

The rule: a Refused is told; a bug is logged once with its path and answered with a sentence that says nothing.
"""

import logging
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin

from backend.core.errors import BadInput, Refused
from backend.core.i18n import N_, translate
from backend.people.model import Person

log = logging.getLogger(__name__)

#: what the framework itself refuses, by status: the code for programs and the sentence for people
_OF_STATUS: Final = {
    400: ("bad_input", N_("请求格式不正确")),
    404: ("not_found", N_("没有这个地址")),
    405: ("method_not_allowed", N_("此地址不支持该请求方法")),
    413: ("too_large", N_("请求内容过大")),
}
_REFUSED: Final = ("refused", N_("请求无法处理"))


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


def framework_refused(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refused (an address, a method, a body), in the same form as our own refusals."""
    code, sentence = _OF_STATUS.get(error.status_code, _REFUSED)
    fields = error.extra if isinstance(error, ValidationException) else None
    problem = ProblemDetailsException(
        detail=translate(sentence, language_of(request)),
        status_code=error.status_code,
        title=code,
        type_=f"urn:fenghuo:problem:{code}",
        extra={"code": code, **({"errors": fields} if fields else {})},
        headers=error.headers,
    )
    return problem.to_response(request)


def too_deep(request: Request[Any, Any, Any], _: RecursionError) -> Response[Any]:
    """A body that nests deeper than anybody means it."""
    return refused(request, BadInput(N_("请求格式不正确")))


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


PLUGIN = ProblemDetailsPlugin(ProblemDetailsConfig())
