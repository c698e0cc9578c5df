"""Whether a request is signed as TC3-HMAC-SHA256 asks; written from the vendor's page, not from our client."""

import re
from datetime import UTC, datetime, timedelta
from functools import reduce
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as keyed_digest
from typing import Final

from backend.demo.carriers.telephony.serving import Asked

_HEADER: Final = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<day>[0-9-]{10})/(?P<service>[a-z]+)/tc3_request, ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<hex>[0-9a-f]{64})"
)
_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=5)


def why_refused(asked: Asked, secret_id: str, secret_key: str, now: datetime) -> str:
    """The vendor's error code for a request that is not signed well; empty: it is."""
    found = _HEADER.fullmatch(asked.headers.get("authorization", ""))
    stamp = asked.headers.get("x-tc-timestamp", "")
    if found is None or not stamp.isdecimal():
        return "AuthFailure.SignatureFailure"
    if found["id"] != secret_id:
        return "AuthFailure.SecretIdNotFound"
    at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(at - now) > _CLOCKS_MAY_DIFFER:
        return "AuthFailure.SignatureExpire"
    names = found["names"].split(";")
    is_whole = {"content-type", "host"} <= set(names) and found["service"] == "sms" and found["day"] == f"{at:%Y-%m-%d}"
    if not is_whole or not compare_digest(_expected(asked, names, found, secret_key), found["hex"]):
        return "AuthFailure.SignatureFailure"
    return ""


def _expected(asked: Asked, names: list[str], found: re.Match[str], secret_key: str) -> str:
    canonical = [
        asked.method,
        asked.path,
        asked.query,
        *(f"{name}:{asked.headers.get(name, '').strip().lower()}" for name in names),
        "",
        ";".join(names),
        sha256(asked.body).hexdigest(),
    ]
    hashed = sha256("\n".join(canonical).encode()).hexdigest()
    scope = f"{found['day']}/{found['service']}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{asked.headers['x-tc-timestamp']}\n{scope}\n{hashed}"
    chain = [found["day"], found["service"], "tc3_request", text]
    start = b"TC3" + secret_key.encode()
    return reduce(lambda key, part: keyed_digest(key, part.encode(), "sha256"), chain, start).hex()
