"""What `/schema` says besides what the framework finds: the refusals, which every handler answers the same way.

The rule: one place. Who calls without a session, too often, or for what is unknown or has moved on, is answered by
`problems`, whichever controller it came to; so the answers are named here, by what an operation is given.
"""

from collections.abc import Iterator
from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

_INTERFACES: Final = ("/api/v1/", "/mp/v1/")
#: what opens a session needs none, and knows nobody yet
_SIGNING_IN: Final = "/mp/v1/session"
#: what a person knows of a fire is never told to come back later
_NEVER_LIMITED: Final = "/acknowledgement"
_REFUSALS: Final = {
    "400": "What was given is wrong; `errors` says where",
    "401": "No valid session or token came with the request",
    "403": "The caller is known and lacks the right",
    "404": "Unknown, or not the caller's: the two look the same",
    "409": "Things have moved on since the caller looked",
    "429": "Too many requests; `Retry-After` says when to come back",
}
_PROBLEM: Final = "Problem"
_SCHEMA: Final = {
    "type": "object",
    "description": "A refusal (RFC 9457): `detail` is a sentence in the caller's language, `code` is for programs",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {"description": "what is wrong with which field"},
    },
}
_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}}


class Description(JsonRenderPlugin):
    """The OpenAPI document as JSON, with the refusals."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The framework's document and ours."""
        return super().render(request, with_refusals(openapi_schema))


def with_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with the refusals of each operation of our interfaces."""
    document.setdefault("components", {}).setdefault("schemas", {})[_PROBLEM] = _SCHEMA
    for path, operations in document["paths"].items():
        if not path.startswith(_INTERFACES):
            continue
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                operation["responses"][status] = {"description": _REFUSALS[status], "content": _CONTENT}
    return document


def _statuses(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """Which refusals an operation may answer, by what it is given."""
    given = [each["name"] for each in operation.get("parameters", ())]
    has_body, is_signing_in = "requestBody" in operation, path == _SIGNING_IN
    if given or has_body:
        yield "400"
    yield "401"
    if not is_signing_in:
        yield "403"
        if "{" in path or has_body or "unit" in given:
            yield "404"
        if method != "get":
            yield "409"
    if not path.endswith(_NEVER_LIMITED):
        yield "429"
