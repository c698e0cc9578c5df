"""What stands between words is the reader's too: no Chinese comma or colon in an English sentence."""

from backend.core.i18n import in_a_row, labelled


def test_a_row_and_a_label_are_punctuated_in_the_readers_language() -> None:
    assert in_a_row(["甲", "乙"], "zh_CN") == "甲、乙"
    assert in_a_row(["a", "b"], "en") == "a, b"
    assert labelled("状态", "故障", "zh_CN") == "状态：故障"
    assert labelled("State", "Fault", "en") == "State: Fault"
