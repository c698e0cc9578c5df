"""TwiML: what Twilio is to say and which keys it is to listen for. Pure.

A key is heard while the message is still being said. After silence the message comes once more, then the call ends.
"""

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from backend.core.i18n import DEFAULT_LANGUAGE, N_, translate
from workers.channels.ports import Call

#: our language → the voice that speaks it, and Twilio's name for it
VOICES: Final = {DEFAULT_LANGUAGE: ("Polly.Zhiyu", "cmn-CN"), "en": ("Polly.Joanna", "en-US")}
_WAIT_S: Final = 6  #: for a key after the last word
_NO_KEY: Final = N_("没有收到按键。")
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'


def calling(call: Call, action: str) -> str:
    """The call: the message twice and the keys; again after silence. A message without keys is only said."""
    if not call.keys:
        return _document(_say(call.spoken, call.language))
    gather = _gather(_say(call.spoken, call.language), action)
    return _document(gather, gather, _say(translate(_NO_KEY, call.language), call.language))


def answering(sentence: str, language: str, again: str = "", action: str = "") -> str:
    """What is said to a key: the sentence, and then what is to be heard again, with the keys."""
    first = _say(sentence, language) if sentence else ""
    return _document(first, _gather(_say(again, language), action) if again else "")


def texting(sentence: str) -> str:
    """The answer to a text; an empty sentence answers nothing."""
    return _document(f"<Message>{escape(sentence)}</Message>" if sentence else "")


def _gather(inner: str, action: str) -> str:
    to = quoteattr(action)
    return f'<Gather input="dtmf" numDigits="1" timeout="{_WAIT_S}" action={to} method="POST">{inner}</Gather>'


def _say(text: str, language: str) -> str:
    voice, spoken = VOICES.get(language, VOICES[DEFAULT_LANGUAGE])
    return f'<Say voice="{voice}" language="{spoken}">{escape(text)}</Say>'


def _document(*parts: str) -> str:
    return f"{_HEAD}<Response>{''.join(parts)}</Response>"
