"""What each failure of the Bot API means for a delivery."""

import pytest
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetMe

from backend.core.errors import BadSettings
from backend.core.settings import Secret, Telegram
from backend.delivery.model import Refusal
from bots.telegram.channel import TelegramChannel
from bots.telegram.linking import deep_link, is_payload, masked_account
from bots.telegram.refusals import TOKEN_REST_S, refusal_of
from bots.telegram.session import without_token

ME = GetMe()


def facts(refusal: Refusal) -> tuple[bool, bool, bool, float | None]:
    return refusal.permanent, refusal.contact_is_dead, refusal.hold_channel, refusal.retry_after


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (TelegramRetryAfter(ME, "Too Many Requests", 7), (False, False, True, 7.0)),
        (TelegramForbiddenError(ME, "Forbidden: bot was blocked by the user"), (True, True, False, None)),
        (TelegramUnauthorizedError(ME, "Unauthorized"), (True, False, True, TOKEN_REST_S)),
        (TelegramNotFound(ME, "Not Found"), (True, False, True, TOKEN_REST_S)),
        (TelegramBadRequest(ME, "Bad Request: chat not found"), (True, True, False, None)),
        (TelegramBadRequest(ME, "Bad Request: PEER_ID_INVALID"), (True, True, False, None)),
        (TelegramBadRequest(ME, "Bad Request: can't parse entities"), (True, False, False, None)),
        (TelegramBadRequest(ME, "Bad Request: message to edit not found"), (True, False, False, None)),
        (TelegramEntityTooLarge(ME, "Request Entity Too Large"), (True, False, False, None)),
        (TelegramMigrateToChat(ME, "upgraded", -100), (False, False, False, None)),
        (TelegramConflictError(ME, "Conflict"), (False, False, False, None)),
        (TelegramServerError(ME, "Bad Gateway"), (False, False, False, None)),
        (TelegramNetworkError(ME, "reset"), (False, False, False, None)),
        (TelegramAPIError(ME, "I'm a teapot"), (False, False, False, None)),
        (ClientDecodeError("no", ValueError("x"), "secret body"), (False, False, False, None)),
        (TimeoutError(), (False, False, False, None)),
        (ConnectionResetError(), (False, False, False, None)),
    ],
)
def test_each_failure_has_its_meaning(failure: Exception, expected: tuple[bool, bool, bool, float | None]) -> None:
    refusal = refusal_of(failure)
    assert facts(refusal) == expected
    assert "secret body" not in refusal.reason


@pytest.mark.parametrize("token", ["", "nonsense", "a:b", "42:"])
def test_a_malformed_token_stops_the_start_and_is_not_shown(token: str) -> None:
    with pytest.raises(BadSettings) as caught:
        TelegramChannel(Telegram(token=Secret(token)), 2.0)
    assert caught.value.__context__ is None
    assert "nonsense" not in str(caught.value)


def test_a_token_is_hidden_whole_and_by_its_secret_half() -> None:
    assert without_token("x/bot42:ABC/y and 42%3AABC", "42:ABC") == "x/bot***/y and 42%3A***"


def test_a_deep_link_carries_a_code_telegram_allows_and_no_other() -> None:
    assert deep_link("fenghuo_bot", "aB3_-x") == "https://t.me/fenghuo_bot?start=aB3_-x"
    assert not is_payload("a" * 65)
    with pytest.raises(ValueError, match="64 characters"):
        deep_link("fenghuo_bot", "a b")


def test_an_account_is_shown_masked() -> None:
    from aiogram.types import User

    assert masked_account(User(id=1, is_bot=False, first_name="王伟", username="wangwei")) == "@wa***i"
    assert masked_account(User(id=1, is_bot=False, first_name="王伟")) == "王**"
