"""Telegram HTML into text and entities, and back into HTML that a page may show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.demo.carriers.telegram.refusals import ApiRefusal
from backend.demo.carriers.telegram.rich_text import RichText, parse_html, safe_html, utf16_length


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("火<q>x</q>", 'Unsupported start tag "q" at byte offset 3'),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ],
)
def test_broken_html_is_refused_with_its_place(source: str, sentence: str) -> None:
    with pytest.raises(ApiRefusal) as refused:
        parse_html(source)
    assert refused.value.description == f"Bad Request: can't parse entities: {sentence}"


def test_html_becomes_entities_counted_in_utf16_and_back() -> None:
    source = (
        " 🔥<b>a<i>b</i></b> &lt;&#28779;&amp; <pre><code class='language-sh'>ls</code></pre>"
        "<blockquote expandable>q</blockquote>"
    )
    rich = parse_html(source)
    assert rich.text == " 🔥ab <火& lsq"
    assert [(e.type, e.offset, e.length, e.language) for e in rich.entities] == [
        ("bold", 3, 2, None),
        ("italic", 4, 1, None),
        ("pre", 10, 2, "sh"),
        ("expandable_blockquote", 12, 1, None),
    ]
    assert safe_html(rich) == " 🔥<b>a<i>b</i></b> &lt;火&amp; <pre>ls</pre><blockquote>q</blockquote>"


def test_a_page_never_gets_a_script_from_a_chat() -> None:
    rich = parse_html('<a href="javascript:alert(1)">x</a>&lt;script&gt;<a href="https://e/&quot;on=1">y</a>')
    assert safe_html(rich) == (
        'x&lt;script&gt;<a href="https://e/&quot;on=1" rel="noopener noreferrer" target="_blank">y</a>'
    )


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>/abiu &;=\"'火🔥"), max_size=40))
def test_any_text_is_read_as_html_or_refused(source: str) -> None:
    try:
        rich = parse_html(source)
    except ApiRefusal:
        return
    for entity in rich.entities:
        assert 0 <= entity.offset < entity.offset + entity.length <= utf16_length(rich.text)
    assert parse_html(safe_html(RichText(rich.text))).text == rich.text
