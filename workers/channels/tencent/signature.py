"""Tencent Cloud's TC3-HMAC-SHA256. Pure. Exactly the octets that are sent are signed."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final

ALGORITHM: Final = "TC3-HMAC-SHA256"
CONTENT_TYPE: Final = "application/json"
_SIGNED: Final = "content-type;host"


def authorization(secret_id: str, secret_key: str, *, service: str, host: str, timestamp: int, body: bytes) -> str:
    """The Authorization header of a POST to `/`."""
    headers = f"content-type:{CONTENT_TYPE}\nhost:{host.lower()}\n"
    request = f"POST\n/\n\n{headers}\n{_SIGNED}\n{_digest(body)}"
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{_digest(request.encode())}"
    key = _keyed(_keyed(_keyed(f"TC3{secret_key}".encode(), day), service), "tc3_request")
    signature = _keyed(key, text).hex()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"


def _digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
