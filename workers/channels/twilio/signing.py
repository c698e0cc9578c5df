"""X-Twilio-Signature: base64 of HMAC-SHA1 over the whole address and every POST field, by the account's token. Pure.

The rule: the address is the one we gave away, built from the settings, never from what a proxy says.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

HEADER: Final = "x-twilio-signature"
_PORTS: Final = {"https": 443, "http": 80}
Fields = Mapping[str, Sequence[str]]


def sign(token: str, url: str, fields: Fields) -> str:
    """The signature that Twilio gives a request. Of a field that came twice each different value counts, in order."""
    text = url + "".join(name + value for name in sorted(fields) for value in sorted(set(fields[name])))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def is_signed(token: str, url: str, fields: Fields, given: str) -> bool:
    """Whether `given` proves that Twilio calls; nothing does without a token. Takes as long for any answer."""
    if not token or not given:
        return False
    right = [hmac.compare_digest(sign(token, each, fields).encode(), given.encode()) for each in _spellings(url)]
    return any(right)


def _spellings(url: str) -> tuple[str, str]:
    """With the port and without it: Twilio does not say which of the two it signs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()
