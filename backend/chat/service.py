"""Conversation: takes what a chat heard or what was pressed, and answers with sayings; whichever chat it is.

The rule: a person is never met with silence, and has one dialogue at a time in a conversation. Rights are asked by the
use cases that words and keys come to, never here: `Command.right` only says who is offered it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from backend.chat.agreeing import OWN_COMMANDS, check, tag_of, unique
from backend.chat.drafts import Drafts, Held, PostgresDrafts
from backend.chat.model import (
    ANSWER,
    CANCEL,
    END,
    Begin,
    Command,
    Draft,
    Heard,
    Key,
    Next,
    Said,
    Saying,
    Speaker,
    Step,
    Talk,
)
from backend.chat.sayings import brief, help_line, own_word, plain, refusal, step_of, tagged, together
from backend.chat.words import CANCEL_WORDS, HELP_WORDS, Asked, by_words, is_one_of, slashed, worded
from backend.core.errors import Refused
from backend.core.i18n import N_, _

#: how often somebody who comes while a step runs looks again, and for how long (a photo may be on its way)
_LOOK_AGAIN_S: Final = 0.05
_LOOKS: Final = 160
_GONE: Final = N_("这一步已经完成或取消了。")
_OLD_KEY: Final = N_("此按钮来自旧版本，已不再使用。发送 /help 查看可用的操作。")
_BUSY: Final = N_("上一步还在处理，请稍候再试。")
_LATE_PIECE: Final = N_("同时发来的其他照片已经处理，这一张到得晚，没有保存。如需补充，请重新发送。")
_ABOUT_WHAT: Final = N_("没有听懂，附件也没有保存：请在回复报警、工单或投诉的卡片时发送，或先选一项。您可以：")
_LONG_AGO: Final = N_("这个问题是较早前提出的。为免误发，刚才的内容没有使用；请再发一次，或取消。")
_ANOTHER_CARD: Final = N_("您回复的是另一条消息，没有作为回答。")
_IN_A_GROUP: Final = N_("（在群里请“回复”这条消息作答。）")
_IS_OVER: Final = N_("（这项操作已结束。）")
_NOT_KEPT: Final = N_("（视频不能保存，请改发照片、语音或文字。）")
_FILES_NOT_KEPT: Final = N_("（一起发来的附件没有保存，如需要请在询问时再发送。）")
_ANOTHERS: Final = N_("这是另一位同事的操作，您可以发送 /help 开始自己的。")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A command the chat itself answers (/unlink); here only to be offered. Help and menu as in Command."""

    name: str
    help: str
    right: str | None = None
    in_menu: bool = True
    words: tuple[str, ...] = ()


OWN: Final = (
    Offer(name="help", help=N_("使用说明"), words=("帮助", "help")),
    Offer(name="cancel", help=N_("取消正在进行的操作"), words=("取消", "cancel"), in_menu=False),
)


class MenuLine(NamedTuple):
    """A line of the chat's menu."""

    name: str
    words: str


class Conversation:
    """What every chat speaks through. Raises ValueError for talks that contradict each other."""

    def __init__(
        self,
        talks: Sequence[Talk],
        drafts: Drafts | None = None,
        *,
        offers: Sequence[Offer] = (),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._drafts = drafts or PostgresDrafts()
        self._offers = tuple(offers)
        self._sleep = sleep
        self._commands = unique("command", ((each.name, each) for talk in talks for each in talk.commands))
        self._words = by_words(self._commands.values())
        self._presses = unique("verb", (pair for talk in talks for pair in talk.presses.items()))
        self._replies = unique("reply", (pair for talk in talks for pair in talk.replies.items()))
        self._loose = [talk.loose for talk in talks if talk.loose is not None]
        self._dialogues = unique("dialogue", ((each.name, each) for talk in talks for each in talk.dialogues))
        check(self._commands, self._presses, self._dialogues)

    def answers(self, verb: str) -> bool:
        """Whether some concept answers a key; a card draws no others."""
        return verb in self._presses

    # -- what is offered -------------------------------------------------------------------------------------------

    def menu(self, language: str) -> list[MenuLine]:
        """The commands a chat lists, in a language."""
        listed: tuple[Command | Offer, ...] = (*self._commands.values(), *self._offers, *OWN)
        return [MenuLine(each.name, _(each.help, language)) for each in listed if each.in_menu]

    def help(self, speaker: Speaker) -> Saying:
        """What this person may do here, and nothing they may not (使用说明)."""
        return Saying(lines=(_(N_("您可以："), speaker.language), *self._help_lines(speaker)))

    def _help_lines(self, speaker: Speaker) -> list[str]:
        listed: tuple[Command | Offer, ...] = (*self._commands.values(), *self._offers, *OWN)
        colon = _(N_("："), speaker.language)
        return [
            help_line(each.name, own_word(each.words, speaker.language), _(each.help, speaker.language), colon)
            for each in listed
            if each.right is None or speaker.person.may_anywhere(each.right)
        ]

    # -- what was heard --------------------------------------------------------------------------------------------

    async def hear(self, speaker: Speaker, heard: Heard) -> list[Saying]:
        """Answer a message; of what came along and can't be kept, that it was not."""
        sayings = await self._heard(speaker, heard)
        if not heard.lacks or not sayings:
            return sayings
        return [*together(plain(_NOT_KEPT, speaker), sayings[0]), *sayings[1:]]

    async def _heard(self, speaker: Speaker, heard: Heard) -> list[Saying]:
        """A message is a command, a reply to a card, an answer to the open dialogue's question; else help is given.

        A reply to the very card that a question is about answers the question; one to any other card is no answer to
        it. Only in a group may the answer be nothing: people talk with each other there.
        """
        held = await self._drafts.open(speaker)
        if (asked := self._asked(speaker, heard, held)) is not None:
            return await self._do(speaker, asked, held, heard)
        about = self._replied(heard)
        if held is not None and about is None and held.is_elsewhere(heard):
            question = await self._reminder(speaker, held)
            return [plain(_ANOTHER_CARD, speaker), *question]
        is_asked = held is not None and (about is None or str(about) in held.draft.answers.values())
        if held is not None and is_asked and not heard.text.startswith("/"):
            is_meant = held.is_fresh or about is not None or heard.media or heard.location is not None
            return await (self._hear_step(speaker, held, heard) if is_meant else self._ask_again(speaker, held, heard))
        if heard.about is not None and about is not None:
            reply, card = self._replies[heard.about[0]], about
            said = await self._said(speaker, lambda: reply(speaker, card, heard))
            return [*said, *await self._still_asked(speaker, held)]
        came = bool(heard.media) or heard.location is not None
        if came and held is None and heard.about is None and not speaker.is_group:  # there it is people's own affair
            for loose in self._loose:
                if sayings := await self._taken(speaker, loose, heard):
                    return sayings
        return [*self._not_understood(speaker, heard), *await self._reminder(speaker, held)]

    async def _ask_again(self, speaker: Speaker, held: Held, heard: Heard) -> list[Saying]:
        """Words that come long after a question may be meant for anything: they answer nothing yet."""
        step = self._step(held)
        if step is None or step.hear is None:
            return await self._hear_step(speaker, held, heard)
        question = await self._reminder(speaker, held)
        return [*question, plain(_LONG_AGO, speaker)]

    def _replied(self, heard: Heard) -> UUID | None:
        """What the card speaks of that a message replies to, where its concept takes replies."""
        return heard.about[1] if heard.about is not None and heard.about[0] in self._replies else None

    async def _taken(
        self, speaker: Speaker, loose: Callable[[Speaker, Heard], Awaitable[Said | None]], heard: Heard
    ) -> list[Saying]:
        """What a concept makes of a file or a place that came alone; nothing when it has no use for it."""
        try:
            said = await loose(speaker, heard)
        except Refused as refused:
            return [refusal(refused, speaker, is_press=False)]
        if said is None:
            return []
        return await self.begin(speaker, said) if isinstance(said, Begin) else [said]

    def _asked(self, speaker: Speaker, heard: Heard, held: Held | None) -> Asked | None:
        """The command a message is. While a question waits for words, only `/name` and 取消 are commands.

        A question that waited long does not: who says 状态 a day later means 状态.
        """
        text = heard.text
        asked = slashed(text, self._words)
        if asked is not None and (asked.name in self._commands or asked.name in OWN_COMMANDS):
            return asked
        if is_one_of(text, CANCEL_WORDS) and (held is not None or not speaker.is_group):
            return Asked("cancel", "")
        step = self._step(held)
        is_waiting = held is not None and held.is_fresh and step is not None and step.hear is not None
        if self._replied(heard) is not None or is_waiting:
            return None
        if is_one_of(text, HELP_WORDS) and not speaker.is_group:
            return Asked("help", "")
        return worded(text, self._words, is_group=speaker.is_group)

    async def _do(self, speaker: Speaker, asked: Asked, held: Held | None, heard: Heard) -> list[Saying]:
        if asked.name == "cancel":
            return [await self._cancel(speaker, held)]
        if asked.name == "help":
            said = [self.help(speaker)]
        else:
            command = self._commands[asked.name]
            said = await self._said(speaker, lambda: command.do(speaker, asked.rest))
        said = await self._with_files(speaker, heard, held, said) if heard.media else said
        return [*said, *await self._still_asked(speaker, held)]

    async def _with_files(
        self, speaker: Speaker, heard: Heard, before: Held | None, said: list[Saying]
    ) -> list[Saying]:
        """A photo whose caption is a command is for the question that this begins with, where that takes files."""
        held = await self._drafts.open(speaker)
        step = self._step(held)
        is_begun = held is not None and (before is None or held.draft.id != before.draft.id)
        if held is not None and is_begun and step is not None and step.takes_files:
            return await self._hear_step(speaker, held, msgspec.structs.replace(heard, text=""))
        return [*together(plain(_FILES_NOT_KEPT, speaker), said[0]), *said[1:]]

    async def _still_asked(self, speaker: Speaker, held: Held | None) -> list[Saying]:
        """The question that waited before something else was done, if that did not end or replace it."""
        still = await self._drafts.open(speaker)
        is_same = held is not None and still is not None and still.draft.id == held.draft.id
        return await self._reminder(speaker, still) if is_same else []

    async def _reminder(self, speaker: Speaker, held: Held | None) -> list[Saying]:
        """The question that still waits, after something else was asked for."""
        step = self._step(held)
        if held is None or step is None:
            return []
        question = await self._question(speaker, step, held.draft)
        await self._drafts.touch(held.draft.id)
        first = _(N_("↩ 您还有一项未完成的操作："), speaker.language)
        return [msgspec.structs.replace(question, lines=(first, *question.lines))]

    async def _cancel(self, speaker: Speaker, held: Held | None) -> Saying:
        """取消: also of what a step is just at; it writes nothing any more."""
        if held is None or not await self._drafts.end(held.draft.id):
            return Saying(lines=(_(N_("没有正在进行的操作。发送 /help 查看您可以做什么。"), speaker.language),))
        return Saying(lines=(_(N_("已取消，未作任何改动。"), speaker.language),))

    def _not_understood(self, speaker: Speaker, heard: Heard) -> list[Saying]:
        if heard.is_late:
            return [plain(_LATE_PIECE, speaker)]
        if speaker.is_group and not heard.text.startswith("/"):
            return []
        came = bool(heard.media) or heard.location is not None
        first = _(_ABOUT_WHAT if came else N_("没有听懂。您可以："), speaker.language)
        lines = (first, *self._help_lines(speaker))
        return [Saying(lines=lines)]

    # -- what was pressed ------------------------------------------------------------------------------------------

    async def press(self, speaker: Speaker, verb: str, about: UUID | None, argument: str) -> list[Saying]:
        """Answer a pressed key. A key of another step, another release or another person gets a friendly word."""
        name, _dot, tag = verb.partition(".")
        if name in {ANSWER, CANCEL}:
            return await self._press_step(speaker, name, tag, about, argument)
        act = self._presses.get(verb)
        if act is None:
            return [brief(_OLD_KEY, speaker)]
        return await self._said(speaker, lambda: act(speaker, about, argument), is_press=True)

    async def _press_step(
        self, speaker: Speaker, name: str, tag: str, about: UUID | None, argument: str
    ) -> list[Saying]:
        held = await self._drafts.open(speaker)
        if held is None or held.draft.id != about:
            return [brief(_ANOTHERS if speaker.is_group else _GONE, speaker)]
        if name == CANCEL:
            return [msgspec.structs.replace(await self._cancel(speaker, held), in_place=True)]
        claimed = await self._claim(held)
        if claimed is None:
            return [brief(await self._why_not(held), speaker)]
        step = self._step(claimed)
        if step is None or step.press is None or (tag and tag != tag_of(step)):
            await self._drafts.free(claimed)
            return [brief(_GONE, speaker)]
        press = step.press
        return await self._run(speaker, claimed, lambda draft: press(speaker, draft, argument), is_press=True)

    # -- dialogues -------------------------------------------------------------------------------------------------

    async def begin(self, speaker: Speaker, begin: Begin) -> list[Saying]:
        """Begin a dialogue; one that was open here is left, and that is said."""
        before = await self._drafts.open(speaker)
        dialogue = self._dialogues[begin.dialogue]
        held = await self._drafts.begin(speaker, dialogue.name, dialogue.steps[0].name, begin.answers)
        question = await self._question(speaker, dialogue.steps[0], held.draft)
        if before is None:
            return [question]
        left = _(N_("（之前未完成的操作已取消）"), speaker.language)
        return [msgspec.structs.replace(question, lines=(left, *question.lines))]

    async def _hear_step(self, speaker: Speaker, held: Held, heard: Heard) -> list[Saying]:
        claimed = await self._claim(held)
        if claimed is None:
            return [plain(await self._why_not(held), speaker)]
        step = self._step(claimed)
        if step is None:
            await self._drafts.end(claimed.draft.id)
            return [plain(_GONE, speaker)]
        if step.hear is None:
            await self._drafts.free(claimed)
            question = await self._question(speaker, step, claimed.draft)
            hint = _(N_("请点下面的按钮回答，或发送“取消”。"), speaker.language)
            return [msgspec.structs.replace(question, lines=(hint, *question.lines))]
        hear = step.hear
        sayings = await self._run(speaker, claimed, lambda draft: hear(speaker, draft, heard))
        if not heard.media or step.takes_files:
            return sayings
        return [plain(N_("（这一步只记录文字，附件没有保存。）"), speaker), *sayings]

    async def _claim(self, held: Held) -> Held | None:
        """The draft for ourselves; waits while another message or press is at it. None: it is gone, or too long."""
        for _look in range(_LOOKS):
            claimed = await self._drafts.claim(held.draft.id)
            if claimed is not None or not await self._drafts.is_open(held.draft.id):
                return claimed
            await self._sleep(_LOOK_AGAIN_S)
        return None

    async def _why_not(self, held: Held) -> str:
        """What to say to who could not claim a draft."""
        return _BUSY if await self._drafts.is_open(held.draft.id) else _GONE

    async def _run(
        self, speaker: Speaker, held: Held, run: Callable[[Draft], Awaitable[Next]], *, is_press: bool = False
    ) -> list[Saying]:
        """Run a step that we hold; a refusal is told and the step asks again; anything else gives the draft free."""
        try:
            after = await run(held.draft)
        except Refused as refused:
            await self._drafts.free(held)
            return await self._refused_step(speaker, held, refused, is_press=is_press)
        except BaseException:
            await asyncio.shield(self._drafts.free(held))
            raise
        return await self._after(speaker, held, after, is_press=is_press)

    async def _refused_step(self, speaker: Speaker, held: Held, refused: Refused, *, is_press: bool) -> list[Saying]:
        if is_press:
            return [refusal(refused, speaker, is_press=True)]
        step = self._step(held)
        assert step is not None
        question = await self._question(speaker, step, held.draft)
        why = _(refused.sentence, speaker.language)
        return [msgspec.structs.replace(question, lines=tuple(dict.fromkeys((why, *question.lines))))]

    async def _after(self, speaker: Speaker, held: Held, after: Next, *, is_press: bool) -> list[Saying]:
        """Write where the dialogue goes on, and say it: what was pressed changes in its place."""
        if after.step == END:
            await self._drafts.end(held.draft.id, held.turn)
            last = after.saying or Saying(lines=(_(N_("好的。"), speaker.language),))
            return [msgspec.structs.replace(last, in_place=is_press and last.picture is None)]
        answers = {**held.draft.answers, **after.answers}
        step = step_of(self._dialogues[held.draft.dialogue], after.step)
        if not await self._drafts.advance(held, step.name, answers):
            return [brief(_GONE, speaker) if is_press else plain(_GONE, speaker)]
        draft = msgspec.structs.replace(held.draft, step=step.name, answers=answers)
        question = await self._question(speaker, step, draft)
        sayings = together(after.saying, question)
        return [msgspec.structs.replace(sayings[0], in_place=is_press and sayings[0].picture is None), *sayings[1:]]

    async def _question(self, speaker: Speaker, step: Step, draft: Draft) -> Saying:
        """What a step asks; its keys carry which step they answer, and there is always a way out."""
        try:
            asked = await step.ask(speaker, draft)
        except Refused as refused:  # what it asks about is gone, or no longer theirs: it would only swallow words
            await self._drafts.end(draft.id)
            return Saying(lines=(_(refused.sentence, speaker.language), _(_IS_OVER, speaker.language)))
        if speaker.by_reply and step.hear is not None:
            asked = msgspec.structs.replace(asked, lines=(*asked.lines, _(_IN_A_GROUP, speaker.language)))
        keys = tuple(tuple(tagged(key, step, draft) for key in row) for row in asked.keys)
        if not any(key.verb == CANCEL for row in keys for key in row):
            keys = (*keys, (Key(_(N_("取消"), speaker.language), CANCEL, draft.id),))
        return msgspec.structs.replace(asked, keys=keys)

    def _step(self, held: Held | None) -> Step | None:
        """The step a draft waits in; None for a dialogue or a step of another release."""
        dialogue = None if held is None else self._dialogues.get(held.draft.dialogue)
        if held is None or dialogue is None:
            return None
        return next((each for each in dialogue.steps if each.name == held.draft.step), None)

    async def _said(
        self, speaker: Speaker, act: Callable[[], Awaitable[Said]], *, is_press: bool = False
    ) -> list[Saying]:
        """What a concept answers; a dialogue it asks for is begun; a refusal is told in words."""
        try:
            said = await act()
        except Refused as refused:
            return [refusal(refused, speaker, is_press=is_press)]
        return await self.begin(speaker, said) if isinstance(said, Begin) else [said]
