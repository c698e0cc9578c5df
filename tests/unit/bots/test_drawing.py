"""A card as a message: order, escaping, limits, buttons."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.ids import new_id
from backend.core.vocabulary import Severity
from backend.delivery.model import Action, Card, Fact, Verb
from bots.telegram.drawing import TEXT_LIMIT, draw, length, plain
from bots.telegram.presses import Press


def changed(card: Card, **changes: Any) -> Card:
    return msgspec.structs.replace(card, **changes)


def shown(html: str) -> str:
    """What a reader sees of our HTML."""
    plain_text = html.replace("<b>", "").replace("</b>", "")
    return plain_text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_a_card_reads_in_the_order_of_the_experience(card: Card) -> None:
    full = changed(card, banner="由文字识别", known_by=("王经理 已确认 14:03:40 · Telegram",), verdict="误报")
    assert draw(full).html.splitlines() == [
        "<b>【由文字识别】</b>",
        "<b>🔥 火警 · 报警中</b>",
        "<b>2号楼 5层 走廊 感烟0123</b>",
        "点型光电感烟火灾探测器",
        "示范大厦",
        "🕒 14:03:22 · #12",
        "📋 误报",
        "👤 王经理 已确认 14:03:40 · Telegram",
        "接收时间: 2026-11-22 14:03:22",
    ]


def test_empty_parts_leave_no_empty_lines(card: Card) -> None:
    bare = changed(card, unit="", what="", facts=(), raised_at=None)
    assert draw(bare).html.splitlines() == [
        "<b>🔥 火警 · 报警中</b>",
        "<b>2号楼 5层 走廊 感烟0123</b>",
        "#12",
    ]


def test_what_the_headline_says_already_is_not_said_twice(card: Card) -> None:
    order = msgspec.structs.replace(card, headline="工单：处理中", status="处理中")
    assert draw(order).html.splitlines()[0] == "<b>🔥 工单：处理中</b>"


def test_every_text_is_escaped_and_kept_on_one_line(card: Card) -> None:
    nasty = "<b>x</b> & \"y\"\n<a href='tg://'>z</a>\x00"
    fields = dict.fromkeys(("banner", "headline", "status", "where", "what", "unit", "verdict"), nasty)
    html = draw(changed(card, **fields, facts=(Fact(nasty, nasty),), known_by=(nasty,))).html
    assert "<a" not in html
    assert html.count("<b>") == html.count("</b>") == 3
    assert "\x00" not in html
    assert "&lt;b&gt;x&lt;/b&gt; &amp; " in html
    assert len(html.splitlines()) == len(
        draw(changed(card, banner="x", verdict="x", known_by=("x",))).html.splitlines()
    )


def test_what_is_too_long_is_cut_from_the_facts_and_never_from_headline_and_place(card: Card) -> None:
    facts = tuple(Fact(f"事实{number}", "值" * 200) for number in range(100))
    text = shown(draw(changed(card, facts=facts, where="走廊" * 400)).html)
    assert length(text) <= TEXT_LIMIT
    assert "🔥 火警 · 报警中" in text
    assert "走廊" * 400 in text
    assert "事实0" in text
    assert text.endswith("…")


def test_many_who_know_leave_headline_and_place_whole(card: Card) -> None:
    known = tuple(f"第{number}人 已确认 14:03:40 · Telegram" for number in range(500))
    text = shown(draw(changed(card, known_by=known)).html)
    assert length(text) <= TEXT_LIMIT
    assert card.where in text


@given(
    texts=st.fixed_dictionaries(
        {name: st.text(max_size=9000) for name in ("banner", "headline", "status", "where", "what", "unit", "verdict")}
    ),
    facts=st.lists(st.tuples(st.text(max_size=3000), st.text(max_size=3000)), max_size=5),
    known=st.lists(st.text(max_size=3000), max_size=5),
)
def test_any_card_fits_telegram(texts: dict[str, str], facts: list[tuple[str, str]], known: list[str]) -> None:
    card = Card(
        alarm=new_id(),  # type: ignore[arg-type]
        number=1,
        severity=Severity.FIRE,
        icon="🔥",
        is_active=True,
        facts=tuple(Fact(*each) for each in facts),
        known_by=tuple(known),
        **texts,
    )
    html = draw(card).html
    html.encode()
    assert 0 < length(shown(html)) <= TEXT_LIMIT


def test_length_counts_as_telegram_does_and_broken_characters_do_not_raise() -> None:
    assert length("🔥火") == 3
    assert plain("a\udc80b\nc") == "a?b c"


def test_buttons_are_few_a_row_and_carry_at_most_64_octets(card: Card) -> None:
    every = changed(card, actions=tuple(Action(verb, "按" * 100, "danger") for verb in Verb))
    keyboard = draw(every).keyboard
    assert keyboard is not None
    rows = [[button.callback_data or "" for button in row] for row in keyboard.inline_keyboard]
    assert [len(row) for row in rows] == [1, 2, 2, 1, 1]
    assert all(len(each.encode()) <= 64 for row in rows for each in row)
    assert rows[0] == [f"a1:ack:{card.alarm.hex}"]


def test_styles_are_those_telegram_knows(card: Card) -> None:
    keyboard = draw(card).keyboard
    assert keyboard is not None
    styles = [button.style for row in keyboard.inline_keyboard for button in row]
    assert styles == ["primary", "danger", None, None]


def test_a_card_without_actions_has_no_keyboard(card: Card) -> None:
    assert draw(changed(card, actions=())).keyboard is None


@pytest.mark.parametrize("verb", list(Verb))
def test_a_press_travels_there_and_back(card: Card, verb: Verb) -> None:
    press = Press(verb=verb, alarm=card.alarm)
    assert Press.unpack(press.pack()) == press
