"""Whatever people write and press, in any order: never silence, and one draft at most in a conversation."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from backend.chat.model import Heard, Key, Saying
from backend.chat.service import Conversation
from tests.unit.chat.conftest import MemoryDrafts, Orchard, a_speaker

WORDS = st.sampled_from(
    ["摘", "/pick", "苹果", "苹果 坏的", "取消", "/cancel", "/help", "帮助", "你好", "x", "", "/nonsense", "因为红了"]
)


class AnyConversation(RuleBasedStateMachine):
    """Two people, two chats, every key that was ever shown."""

    keys: Any = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.orchard, self.drafts = Orchard(), MemoryDrafts()
        self.conversation = Conversation((self.orchard.talk(),), self.drafts)
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self.loop.close()

    def _answered(self, sayings: list[Saying]) -> Any:
        assert sayings, "never silence"
        assert all(each.lines or each.brief or each.picture for each in sayings)
        return multiple(*(key for each in sayings for row in each.keys for key in row))

    @rule(target=keys, text=WORDS, number=st.integers(1, 2), chat=st.sampled_from("ab"))
    def somebody_writes(self, text: str, number: int, chat: str) -> Any:
        speaker = a_speaker(number=number, chat=chat)
        return self._answered(self.loop.run_until_complete(self.conversation.hear(speaker, Heard(text=text))))

    @rule(target=keys, key=keys, number=st.integers(1, 2), chat=st.sampled_from("ab"))
    def somebody_presses(self, key: Key, number: int, chat: str) -> Any:
        speaker = a_speaker(number=number, chat=chat)
        press = self.conversation.press(speaker, key.verb, key.about, key.argument)
        return self._answered(self.loop.run_until_complete(press))

    @rule(key=keys, number=st.integers(1, 2), chat=st.sampled_from("ab"))
    def somebody_presses_twice_at_once(self, key: Key, number: int, chat: str) -> None:
        speaker, before = a_speaker(number=number, chat=chat), len(self.orchard.picked)

        async def both() -> Any:
            press = self.conversation.press
            return await asyncio.gather(*(press(speaker, key.verb, key.about, key.argument) for _ in range(2)))

        for sayings in self.loop.run_until_complete(both()):
            self._answered(sayings)
        assert len(self.orchard.picked) <= before + 1

    @invariant()
    def a_conversation_has_one_draft_that_nobody_holds(self) -> None:
        open_drafts = [held.draft.id for held in self.drafts.rows.values()]
        assert len(open_drafts) == len(set(open_drafts)) <= 4
        assert not self.drafts.busy, "a step that is over holds no draft"


TestAnyConversation = AnyConversation.TestCase
TestAnyConversation.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
