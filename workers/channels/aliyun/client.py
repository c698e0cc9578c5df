"""One action of an Aliyun API: signed, within its time, its answer read. Raises VendorRefusal and nothing else.

SendSms and the calls are not idempotent: a question without an answer is UNKNOWN and is not repeated here.
"""

from collections.abc import Mapping
from typing import Final, Self

import httpx

from backend.core import clock
from backend.core.errors import BadSettings
from backend.core.ids import new_id
from backend.core.settings import Aliyun
from backend.delivery.model import RefusalKind
from backend.people.rules import CHINA
from workers.channels.aliyun.refusals import kind_of, window_of
from workers.channels.aliyun.signature import EMPTY_BODY, authorization, query_of
from workers.channels.asking import Asker
from workers.channels.ports import Taken

NAME: Final = "aliyun"
_VERSION: Final = "2017-05-25"
_OK: Final = "OK"


class AliyunApi:
    """An Aliyun product's endpoint under one account. Raises BadSettings without credentials."""

    name = NAME

    def __init__(self, settings: Aliyun, base_url: str, timeout_s: float) -> None:
        if not (settings.key_id and settings.key_secret):
            raise BadSettings("[aliyun] key_id and key_secret must be set for SMS and voice by Aliyun")
        self.settings = settings
        self._asker = Asker(NAME, base_url, timeout_s)

    async def open(self) -> None:
        """Nothing to take up: connections are made when needed."""

    async def close(self) -> None:
        """Give connections back."""
        await self._asker.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def act(self, action: str, parameters: Mapping[str, str], id_name: str) -> Taken:
        """Ask for `action`; the answer's `id_name` is what receipts will quote."""
        status, answer = await self._asker.ask(self._signed(action, parameters))
        code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
        taken = answer.get(id_name)
        if code == _OK and isinstance(taken, str) and taken:
            return Taken(vendor=NAME, id=taken)
        if code == _OK or not code:
            raise self._asker.refusal(RefusalKind.UNKNOWN, f"HTTP {status} without Code and {id_name}")
        kind = kind_of(code, status)
        wait = window_of(message) if kind is RefusalKind.LIMIT else None
        raise self._asker.refusal(kind, f"{code} {message}".strip(), code=code, retry_after=wait)

    def national(self, phone: str) -> str:
        """The number as it is dialled inside China. Raises VendorRefusal for any other country's."""
        if not phone.startswith(CHINA):
            raise self._asker.refusal(RefusalKind.CONTENT, "carries to mainland China only")
        return phone.removeprefix(CHINA)

    def code_of(self, what: str, code: str) -> str:
        """A template's code. Raises VendorRefusal when none is filed for this."""
        if not code:
            raise self._asker.refusal(RefusalKind.CONTENT, f"no template is set for {what}")
        return code

    def _signed(self, action: str, parameters: Mapping[str, str]) -> httpx.Request:
        query = query_of(parameters)
        headers = {
            "host": self._asker.host,
            "x-acs-action": action,
            "x-acs-version": _VERSION,
            "x-acs-date": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": new_id().hex,
            "x-acs-content-sha256": EMPTY_BODY,
        }

        headers["authorization"] = authorization(self.settings.key_id, self.settings.key_secret.value, query, headers)
        return self._asker.request(f"/?{query}", headers=headers)
