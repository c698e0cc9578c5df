"""Why an alarm was false, as its reader reads it: a key's reason is translated, people's own words never."""

import pytest

from backend.alarms.model import reason_words


@pytest.mark.parametrize(
    ("kept", "english"),
    [
        ("吸烟", "Smoking"),
        ("吸烟 in the canteen", "Smoking in the canteen"),
        ("吸烟室排风", "吸烟室排风"),
        ("不是吸烟", "不是吸烟"),
        ("", ""),
    ],
)
def test_a_keys_reason_is_translated_and_a_persons_own_words_are_not(kept: str, english: str) -> None:
    assert reason_words(kept, "en") == english
    assert reason_words(kept, "zh_CN") == kept
