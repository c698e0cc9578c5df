"""The bot as a whole: dispatcher, ears, and the process `fenghuo bot`.

The rule: the caller has opened the database and the process's announcer before, and closes them after.
"""

import asyncio
from typing import Final

from aiogram import Bot, Dispatcher
from aiogram.types import BotCommand

from backend.chat.service import Conversation
from backend.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from backend.core.settings import Budgets, Secret, Settings, Telegram
from backend.delivery.budgets import limits_of
from bots.telegram.callers import Callers
from bots.telegram.house import the_house
from bots.telegram.inbox import Inbox, PostgresInbox
from bots.telegram.once_more import OnceMore
from bots.telegram.pace import Paced, SharedPace
from bots.telegram.routers import errors, groups, help, linking, talks  # noqa: A004 - named by what it does for people
from bots.telegram.session import make_bot
from bots.telegram.updates import HOOK_PATH, KINDS, Hearing, Polling, stopped, until_done
from bots.telegram.use_cases import UseCases

_REQUEST_S: Final = 10.0  #: longest time for one answer of the bot


def build_dispatcher(use_cases: UseCases) -> Dispatcher:
    """All routers around these use cases. Order matters: `talks` and `help` take what the others left."""
    dispatcher = Dispatcher(disable_fsm=True, use_cases=use_cases)
    dispatcher.update.outer_middleware(Callers(use_cases))
    dispatcher.include_routers(errors.build(), linking.build(), groups.build(), talks.build(), help.build())
    return dispatcher


def build_hearing(
    telegram: Telegram,
    use_cases: UseCases | None = None,
    inbox: Inbox | None = None,
    budgets: Budgets | None = None,
) -> tuple[Bot, Hearing]:
    """A bot and its ears; its answers spend from the cards' budgets. Raises BadSettings without a well-formed token."""
    bot = make_bot(telegram, timeout_s=_REQUEST_S)
    bot.session.middleware(OnceMore())
    paced = Paced(SharedPace(limits_of(budgets or Budgets())))
    bot.session.middleware(paced)
    return bot, Hearing(bot, build_dispatcher(use_cases or the_house()), inbox or PostgresInbox(), later=paced.later)


async def run_bot(settings: Settings, use_cases: UseCases | None = None, inbox: Inbox | None = None) -> None:
    """What `fenghuo bot` runs until it is cancelled: long polling.

    With a webhook secret it registers the webhook instead, and only looks after updates the web process left
    unfinished. Raises BadSettings without a token.
    """
    telegram, house = settings.telegram, use_cases or the_house()
    bot, hearing = build_hearing(telegram, house, inbox, settings.budgets)
    chores = asyncio.create_task(_chores(bot, hearing, house.conversation), name="telegram chores")
    try:
        if telegram.webhook_secret:
            await _listen_by_webhook(bot, settings.public_url, telegram.webhook_secret)
        await (_forever() if telegram.webhook_secret else Polling(bot, hearing).run())
    finally:
        await stopped(chores)
        await hearing.drain()
        await bot.session.close()


async def _forever() -> None:
    await asyncio.Event().wait()


async def _chores(bot: Bot, hearing: Hearing, conversation: Conversation) -> None:
    """What an earlier process left, the menu, then a look at stored updates now and then."""
    await until_done("stored updates", hearing.pick_up)
    await until_done("the bot's menu", lambda: set_menu(bot, conversation))
    await hearing.sweep()


async def _listen_by_webhook(bot: Bot, public_url: str, secret: Secret) -> None:
    await until_done("the webhook", lambda: register_webhook(bot, public_url, secret))


async def register_webhook(bot: Bot, public_url: str, secret: Secret) -> None:
    """Tell Telegram where to push and with which secret. Raises aiogram's exceptions."""
    await bot.set_webhook(
        url=f"{public_url}{HOOK_PATH}",
        secret_token=secret.value,
        allowed_updates=list(KINDS),
        drop_pending_updates=False,
    )


async def set_menu(bot: Bot, conversation: Conversation) -> None:
    """The commands a chat offers: Chinese for everybody, and each other language for its own people."""
    for language in LANGUAGES:
        menu = [BotCommand(command=line.name, description=line.words) for line in conversation.menu(language)]
        await bot.set_my_commands(menu, language_code=None if language == DEFAULT_LANGUAGE else language)
