"""Aliyun's ACS3-HMAC-SHA256. Pure.

All parameters travel in the query and the body is empty; every header given here is signed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "ACS3-HMAC-SHA256"
EMPTY_BODY: Final = hashlib.sha256(b"").hexdigest()


def query_of(parameters: Mapping[str, str]) -> str:
    """The canonical query: keys in order, everything but letters, digits and `-_.~` escaped."""
    return "&".join(f"{_escaped(name)}={_escaped(parameters[name])}" for name in sorted(parameters))


def authorization(key_id: str, secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The Authorization header of a POST to `/` with an empty body."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    names = sorted(lower)
    signed = ";".join(names)
    lines = "".join(f"{name}:{lower[name]}\n" for name in names)
    request = f"POST\n/\n{query}\n{lines}\n{signed}\n{EMPTY_BODY}"
    text = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={signed},Signature={signature}"


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")
