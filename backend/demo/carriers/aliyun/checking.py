"""Whether a request is signed as ACS3-HMAC-SHA256 asks; written from the vendor's page, not from our client."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as keyed_digest
from typing import Final
from urllib.parse import unquote

from backend.demo.carriers.telephony.serving import Asked

_HEADER: Final = re.compile(
    r"ACS3-HMAC-SHA256 Credential=(?P<key>[^,]+), ?SignedHeaders=(?P<names>[a-z0-9;-]+), ?"
    r"Signature=(?P<hex>[0-9a-f]{64})"
)
_MUST_BE_SIGNED: Final = {
    "host",
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
}
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=15)


def parameters_of(asked: Asked) -> dict[str, str]:
    """The query's parameters."""
    pairs = (pair.partition("=") for pair in asked.query.split("&") if pair)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def why_refused(asked: Asked, key_id: str, secret: str, now: datetime) -> str:
    """The vendor's error code for a request that is not signed well; empty: it is."""
    found = _HEADER.fullmatch(asked.headers.get("authorization", ""))
    if found is None:
        return "IncompleteSignature"
    if found["key"] != key_id:
        return "InvalidAccessKeyId.NotFound"
    names = found["names"].split(";")
    if names != sorted(names) or not set(names) >= _MUST_BE_SIGNED:
        return "IncompleteSignature"
    try:
        at = datetime.strptime(asked.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "InvalidTimeStamp.Format"
    if abs(at - now) > _CLOCKS_MAY_DIFFER:
        return "InvalidTimeStamp.Expired"
    is_right = compare_digest(_expected(asked, names, secret), found["hex"])
    return "" if is_right else "SignatureDoesNotMatch"


def _expected(asked: Asked, names: list[str], secret: str) -> str:
    pairs = sorted((_encode(name), _encode(value)) for name, value in parameters_of(asked).items())
    canonical = [
        asked.method,
        asked.path,
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{asked.headers.get(name, '').strip()}" for name in names),
        "",
        ";".join(names),
        sha256(asked.body).hexdigest(),
    ]
    hashed = sha256("\n".join(canonical).encode()).hexdigest()
    return keyed_digest(secret.encode(), b"ACS3-HMAC-SHA256\n" + hashed.encode(), "sha256").hex()


def _encode(text: str) -> str:
    return "".join(chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in text.encode())
