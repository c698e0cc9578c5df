"""Everything the carrier holds for one bot, shared by the bot's methods and by the people's side."""

import secrets
from collections import OrderedDict
from typing import Final

import msgspec

from backend.demo.carriers.telegram.chats import ChatBook
from backend.demo.carriers.telegram.faults import RateLimits
from backend.demo.carriers.telegram.files import FileShelf
from backend.demo.carriers.telegram.updates import UpdateQueue
from backend.demo.carriers.telegram.wire import BotCommand, BotUser, CallbackQuery, User

QUERIES_KEPT: Final = 1000


class Press(msgspec.Struct, kw_only=True):
    """A press of a button and whether the bot has answered it."""

    query: CallbackQuery
    answered: bool = False


class BotAccount:
    """One bot: who it is, its chats, its updates, its files, its menus, the presses it owes an answer."""

    def __init__(self, bot: BotUser, *, enforce_limits: bool, webhook_back_off: float) -> None:
        self.bot = bot
        #: the bot as a message's sender: without what only getMe tells
        self.sender = User(id=bot.id, is_bot=True, first_name=bot.first_name, username=bot.username)
        self.book = ChatBook()
        self.updates = UpdateQueue(webhook_back_off)
        self.files = FileShelf()
        self.limits = RateLimits(enforced=enforce_limits)
        self.commands: dict[tuple[str, str], list[BotCommand]] = {}
        self.presses: OrderedDict[str, Press] = OrderedDict()

    def remember_press(self, query: CallbackQuery) -> None:
        """Keeps a press until it is old."""
        self.presses[query.id] = Press(query=query)
        while len(self.presses) > QUERIES_KEPT:
            self.presses.popitem(last=False)


def new_query_id() -> str:
    """An id for a callback query: never repeated, also not by a restarted carrier."""
    return str(secrets.randbits(63))
