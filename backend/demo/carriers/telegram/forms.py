"""What a bot posts: form-urlencoded, multipart, JSON or a query string, all into one dictionary.

The rule: fields that carry JSON inside a form are decoded here, once, so that handlers and the request log
see the same thing however it was sent.
"""

import re
from email.message import Message as HeaderBlock
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from backend.demo.carriers.telegram.refusals import bad_request

#: Parameters that are JSON inside a form; the value is how the real server calls it in its complaint.
JSON_FIELDS: Final = {
    "reply_markup": "reply keyboard markup",
    "entities": "message entities",
    "caption_entities": "message entities",
    "reply_parameters": "reply parameters",
    "link_preview_options": "link preview options",
    "allowed_updates": "allowed updates",
    "commands": "commands",
    "scope": "bot command scope",
}

_PART_HEADERS_END: Final = b"\r\n\r\n"
_DISPOSITION_VALUE = re.compile(r'([a-z*]+)="((?:[^"\\]|\\.)*)"')


class Upload(msgspec.Struct, frozen=True):
    """A file part of a multipart form."""

    filename: str
    content_type: str | None
    octets: bytes


class Form(msgspec.Struct, frozen=True):
    """A request's parameters, JSON ones decoded, and its files by field name."""

    params: dict[str, Any]
    files: dict[str, Upload]


def read_form(content_type: str, query: bytes, body: bytes) -> Form:
    """Parameters of one request; those of the body win. Raises ApiRefusal for a body nobody can read."""
    params: dict[str, Any] = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    files: dict[str, Upload] = {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        params |= _read_json(body)
    elif kind == "multipart/form-data":
        fields, files = _read_multipart(content_type, body)
        params |= fields
    elif body:
        params |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    for name, called in JSON_FIELDS.items():
        value = params.get(name)
        if isinstance(value, str):
            params[name] = _inner_json(value, called)
    return Form(params, files)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise bad_request("can't parse JSON object") from None


def _inner_json(value: str, called: str) -> Any:
    if not value:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise bad_request(f"can't parse {called} JSON object") from None


def _read_multipart(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, Upload]]:
    """RFC 7578: parts between delimiters that by definition do not occur inside a part."""
    header = HeaderBlock()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if not boundary:
        raise bad_request("boundary is missing in multipart content type")
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    parts = (b"\r\n" + body).split(delimiter)
    if len(parts) < 3 or not parts[-1].startswith(b"--"):
        raise bad_request("multipart body is incomplete")
    for part in parts[1:-1]:
        headers, found, octets = part.partition(_PART_HEADERS_END)
        if not found:
            raise bad_request("multipart part has no headers")
        name, filename, part_type = _part_headers(headers.decode("utf-8", "replace"))
        if filename is None:
            fields[name] = octets.decode("utf-8", "replace")
        else:
            files[name] = Upload(filename, part_type, octets)
    return fields, files


def _part_headers(block: str) -> tuple[str, str | None, str | None]:
    """The field's name, its file name if it is a file, and its content type."""
    lines = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in block.split("\r\n") if ":" in line)
    }
    disposition = lines.get("content-disposition", "")
    values = dict(_DISPOSITION_VALUE.findall(disposition))
    return values.get("name", ""), values.get("filename"), lines.get("content-type")
