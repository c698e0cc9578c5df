"""Why a way was not taken, or was taken beside the plan: a code and its facts, said in the reader's language. Pure.

The rule: `attempts.why` and `attempts.because` hold what `written` makes, or else a carrier's own words, which are
quoted as they are. One table has all sentences.
"""

from enum import StrEnum
from typing import Final

import msgspec

from backend.core.i18n import N_, translate
from backend.core.vocabulary import CHANNEL_LABELS, Channel


class Why(StrEnum):
    """Our own reasons, and `said` for a carrier's words."""

    SAID = "said"  #: facts: said
    TOGETHER = "together"  #: another alarm's card tells of it; facts: number
    BY_PART = "by_part"  #: its own part's alarm tells of it; facts: number
    WHEN_ALL_BACK = "when_all_back"  #: of links that fell together; their return is told once
    MASKED = "masked"  #: facts: number
    INSIDE = "inside"  #: a drill or test keeps it inside the house; facts: mark, number
    NOT_URGENT = "not_urgent"  #: a word about a mask or a drill rings no telephone
    SUMMARY = "summary"  #: one message told of several; facts: number, count
    BUDGET = "budget"  #: the carrier's limit leaves no room in time; facts: limit
    WAITS = "waits"  #: the carrier's limit leaves no room now; facts: limit
    RESTS = "rests"  #: the carrier asked the channel to wait
    TIMEOUT = "timeout"
    NOT_CONFIGURED = "not_configured"  #: facts: channel
    CONTACT = "contact"  #: the address does not work; facts: said
    USELESS = "useless"  #: tried until it was no use any more; facts: said
    AGAIN = "again"  #: a later step of the policy tells the same person the same way
    QUIET = "quiet"  #: the person's quiet hours; facts: hours
    INSTEAD = "instead"  #: begun because another kind failed; facts: channel, said
    GONE = "gone"  #: the person is no longer active, or has no role there any more
    LET_GO = "let_go"  #: the person unlinked that chat meanwhile
    JUDGED = "judged"  #: it was judged while it waited for its turn
    UNDONE = "undone"  #: that verdict stands no more: it waits for its turn again
    DUTY_DESK = "duty_desk"  #: begun because nobody of the unit could be told


_SENTENCES: Final = {
    Why.SAID: N_("运营方答复：“{said}”"),
    Why.TOGETHER: N_("已与第 {number} 号报警合并通知"),
    Why.BY_PART: N_("已由部件的第 {number} 号报警通知"),
    Why.WHEN_ALL_BACK: N_("同时中断的线路全部恢复后一并通知"),
    Why.MASKED: N_("已被第 {number} 号屏蔽屏蔽"),
    Why.INSIDE: N_("第 {number} 号{mark}期间，只通知单位内部"),
    Why.NOT_URGENT: N_("不紧急，不用此方式"),
    Why.SUMMARY: N_("已并入第 {number} 号报警的汇总消息（共 {count} 条）"),
    Why.BUDGET: N_("受限额约束未发送：{limit}"),
    Why.WAITS: N_("等待限额放开：{limit}"),
    Why.RESTS: N_("运营方要求该通知方式暂停发送"),
    Why.TIMEOUT: N_("运营方未在时限内答复"),
    Why.NOT_CONFIGURED: N_("未配置{channel}"),
    Why.CONTACT: N_("联络方式失效：“{said}”"),
    Why.USELESS: N_("多次重试未成，已无时效：{said}"),
    Why.AGAIN: N_("之后的升级步骤已再次通知"),
    Why.QUIET: N_("本人设定的免打扰时段（{hours}）"),
    Why.INSTEAD: N_("{channel}未送达，改用此方式：{said}"),
    Why.GONE: N_("该人员已不在岗"),
    Why.LET_GO: N_("该账号已解除绑定"),
    Why.JUDGED: N_("等待发送期间报警已处置"),
    Why.UNDONE: N_("处置结论已撤销或更改，继续等待发送"),
    Why.DUTY_DESK: N_("联网单位的各种方式均未送达，转服务机构值班台"),
}
#: facts that are sentences of ours themselves
_OURS: Final = frozenset({"limit", "mark"})


class Reason(msgspec.Struct, frozen=True):
    """One reason: its code and what its sentence names."""

    code: Why
    facts: dict[str, str] = {}

    def sentence(self, language: str) -> str:
        """In the reader's language; reasons inside reasons are said too, and carriers' words quoted."""
        facts = {name: _fact(name, value, language) for name, value in self.facts.items()}
        return translate(_SENTENCES[self.code], language, **facts)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reason).decode


def written(code: Why, **facts: object) -> str:
    """The reason as it is stored."""
    return _encode(Reason(code, {name: str(value) for name, value in facts.items()})).decode()


def read(stored: str) -> Reason:
    """What is stored, as a reason; anything that is not ours is a carrier's words."""
    if stored.startswith("{"):
        try:
            return _decode(stored)
        except msgspec.DecodeError:
            pass  # a carrier that answers in JSON is quoted like any other
    return Reason(Why.SAID, {"said": stored})


def sentence(stored: str | None, language: str) -> str:
    """The stored reason as a sentence; nothing for nothing."""
    return read(stored).sentence(language) if stored else ""


def _fact(name: str, value: str, language: str) -> str:
    if name == "channel" and value in set(Channel):
        return translate(CHANNEL_LABELS[Channel(value)], language)
    if name in _OURS:
        return translate(value, language)
    return sentence(value, language) if value.startswith("{") else value
