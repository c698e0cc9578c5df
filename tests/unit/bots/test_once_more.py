"""An answer that failed is tried once more where nobody can read it twice."""

from typing import Any

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramNetworkError, TelegramServerError
from aiogram.methods import AnswerCallbackQuery, EditMessageText, GetMe, SendMessage, TelegramMethod

from bots.telegram.once_more import OnceMore
from bots.telegram.session import NeverReached, NoAnswerInTime, Unreadable

SEND = SendMessage(chat_id=1, text="x")
EDIT = EditMessageText(chat_id=1, message_id=2, text="x")
WORD = AnswerCallbackQuery(callback_query_id="1")


@pytest.mark.parametrize(
    ("method", "failure", "tries"),
    [
        (SEND, TelegramServerError, 2),
        (SEND, NeverReached, 2),
        (SEND, Unreadable, 1),
        (SEND, NoAnswerInTime, 1),
        (SEND, TelegramNetworkError, 1),
        (SEND, TelegramBadRequest, 1),
        (EDIT, TelegramServerError, 2),
        (EDIT, Unreadable, 2),
        (EDIT, TelegramNetworkError, 2),
        (EDIT, NoAnswerInTime, 1),
        (WORD, TelegramNetworkError, 2),
        (GetMe(), TelegramServerError, 1),
    ],
)
async def test_what_might_have_been_heard_is_not_said_again(
    method: TelegramMethod[Any], failure: type[TelegramNetworkError], tries: int
) -> None:
    made, slept = 0, []

    async def request(_bot: Any, asked: Any) -> Any:
        nonlocal made
        made += 1
        if made == 1:
            raise failure(method=asked, message="no")
        return "done"

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    more = OnceMore(sleep)
    if tries == 2:
        assert await more(request, None, method) == "done"  # type: ignore[arg-type]
    else:
        with pytest.raises(failure):
            await more(request, None, method)  # type: ignore[arg-type]
    assert made == tries
    assert len(slept) == tries - 1
