"""The HTTP session to the Bot API: aiogram's own, made quick and made silent about the token.

The rule: no exception that leaves this session carries the token or the body of an answer. The token is part
of every address (`/bot<token>/<method>`), so errors of the HTTP client would show it otherwise.
"""

from typing import Any, Final, cast

import msgspec
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import ClientDecodeError, TelegramNetworkError, TelegramServerError
from aiogram.methods import GetFile, Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import InputFile
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError, ClientError, ClientTimeout, FormData

from backend.core.errors import BadSettings
from backend.core.settings import Telegram

CONNECTIONS: Final = 100  #: kept open to the Bot API by one process
_JSON: Final = {"Content-Type": "application/json"}
_HIDDEN: Final = "***"
#: pydantic builds `Response[X]` anew (10 ms) whenever nobody holds it; held here, a lone send stays quick
_ANSWER_TYPES: Final[dict[type[Any], type[Any]]] = {}


class NeverReached(TelegramNetworkError):  # noqa: N818 - the fact, as aiogram names its own
    """No connection stood: what was to be said was not heard."""


class NoAnswerInTime(TelegramNetworkError):  # noqa: N818 - as above
    """Time ran out; whether it was heard nobody knows."""


class Unreadable(TelegramServerError):  # noqa: N818 - as above
    """Something answered that is not the Bot API, or not in its words: whether it was heard nobody knows."""


def _dumps(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class BotApiSession(AiohttpSession):
    """Requests as JSON over kept connections; every failure is an aiogram exception without the token."""

    def __init__(self, api_base: str, *, timeout_s: float, connections: int = CONNECTIONS) -> None:
        super().__init__(
            limit=connections,
            api=TelegramAPIServer.from_base(api_base),
            timeout=timeout_s,
            json_loads=msgspec.json.decode,
            json_dumps=_dumps,
        )

    async def close(self) -> None:
        """Close the connections; this aiohttp waits for their ends itself, aiogram's extra wait is not needed."""
        if self._session is not None:
            await self._session.close()

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's own signature
    ) -> TelegramType:
        """One request. `timeout` in seconds covers waiting for a connection too."""
        session = await self.create_session()
        limit = ClientTimeout(total=self.timeout if timeout is None else timeout)
        url = self.api.api_url(token=bot.token, method=method.__api_method__)
        body, headers = self._body(bot, method)
        kind: type[TelegramNetworkError] = TelegramNetworkError
        try:
            async with session.post(url, data=body, headers=headers, timeout=limit) as response:
                content = (await response.read()).decode("utf-8", "replace")
        except TimeoutError:
            kind, failure = NoAnswerInTime, "no answer in time"
        except (ClientError, OSError, ValueError) as error:
            kind = NeverReached if isinstance(error, ClientConnectorError) else kind
            failure = without_token(f"{type(error).__name__}: {error}", bot.token)
        else:
            answer = self.check_response(bot=bot, method=method, status_code=response.status, content=content)
            return cast("TelegramType", answer.result)
        # raised outside the `except`, so that not even __context__ holds the client's error and its address
        raise kind(method=method, message=failure)

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        """The parsed answer. An answer nobody can read counts as a failure of the server."""
        if type(method) not in _ANSWER_TYPES:
            _ANSWER_TYPES[type(method)] = Response[method.__returning__]  # type: ignore[name-defined]
        try:
            return super().check_response(bot, method, status_code, content)
        except (ClientDecodeError, TypeError):
            failure = f"unreadable answer with HTTP status {status_code}"
        raise Unreadable(method=method, message=failure)

    def _body(self, bot: Bot, method: TelegramMethod[Any]) -> tuple[bytes | FormData, dict[str, str]]:
        """JSON; a form where a file goes along."""
        files: dict[str, InputFile] = {}
        prepared = {
            name: self.prepare_value(value, bot=bot, files=files, _dumps_json=False)
            for name, value in method.model_dump(warnings=False).items()
        }
        if files:
            return self.build_form_data(bot, method), {}
        return msgspec.json.encode({name: value for name, value in prepared.items() if value is not None}), _JSON

    async def fetch(self, bot: Bot, path: str, most: int) -> bytes | None:
        """The octets of a file that getFile named; None when they are more than `most`.

        Raises TelegramNetworkError, which holds no token: the file's address does.
        """
        session = await self.create_session()
        url = self.api.file_url(bot.token, path)
        try:
            async with session.get(url, timeout=ClientTimeout(total=self.timeout), raise_for_status=True) as response:
                octets = await response.content.read(most + 1)
                while len(octets) <= most and (more := await response.content.read(most + 1 - len(octets))):
                    octets += more
        except TimeoutError:
            failure = "no answer in time"
        except (ClientError, OSError, ValueError) as error:
            failure = without_token(f"{type(error).__name__}: {error}", bot.token)
        else:
            return octets if len(octets) <= most else None
        raise TelegramNetworkError(method=GetFile(file_id=""), message=failure)


def without_token(text: str, token: str) -> str:
    """`text` with the token, whole or only its secret half, replaced."""
    secret = token.partition(":")[2]
    text = text.replace(token, _HIDDEN)
    return text.replace(secret, _HIDDEN) if secret else text


def make_bot(telegram: Telegram, *, timeout_s: float) -> Bot:
    """A bot for the settings' token and server. Raises BadSettings without a well-formed token."""
    try:
        return Bot(telegram.token.value, session=BotApiSession(telegram.api_base, timeout_s=timeout_s))
    except TokenValidationError:
        pass
    raise BadSettings("the Telegram token is missing or malformed (telegram.token)")
