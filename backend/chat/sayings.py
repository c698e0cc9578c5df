"""Small sayings of every conversation, and how a question and its keys are put. Pure."""

import msgspec

from backend.chat.agreeing import tag_of
from backend.chat.model import ANSWER, CANCEL, Dialogue, Draft, Key, Saying, Speaker, Step
from backend.core.errors import Refused
from backend.core.i18n import DEFAULT_LANGUAGE, _


def tagged(key: Key, step: Step, draft: Draft) -> Key:
    """A step's key as it is drawn: it carries which step of which draft it answers."""
    if key.verb == CANCEL:
        return msgspec.structs.replace(key, about=draft.id)
    return msgspec.structs.replace(key, verb=f"{ANSWER}.{tag_of(step)}") if key.verb == ANSWER else key


def step_of(dialogue: Dialogue, name: str) -> Step:
    """The step a dialogue goes on with; a name it has not is a bug."""
    return next(each for each in dialogue.steps if each.name == name)


def together(first: Saying | None, question: Saying) -> list[Saying]:
    """What is said before a question, and the question: one message where both are words.

    A chat takes one message a second, and the question's keys then stand below the last that was said.
    """
    if first is None:
        return [question]
    if first.keys or first.picture or first.brief or question.picture:
        return [first, question]
    return [msgspec.structs.replace(question, lines=(*first.lines, *question.lines))]


def brief(sentence: str, speaker: Speaker) -> Saying:
    """A passing word, which must be dismissed by hand."""
    return Saying(brief=_(sentence, speaker.language), is_alert=True)


def plain(sentence: str, speaker: Speaker) -> Saying:
    """One line."""
    return Saying(lines=(_(sentence, speaker.language),))


def refusal(refused: Refused, speaker: Speaker, *, is_press: bool) -> Saying:
    """Why not: a passing word over what was pressed, a line below what was written."""
    return brief(refused.sentence, speaker) if is_press else plain(refused.sentence, speaker)


def own_word(words: tuple[str, ...], language: str) -> tuple[str, ...]:
    """The word that its reader could say for a command: the first of their own script, if there is one."""
    return tuple(word for word in words if word.isascii() == (language != DEFAULT_LANGUAGE))[:1]


def help_line(name: str, words: tuple[str, ...], text: str, colon: str) -> str:
    """A command, a word that means it, what it does; a text that begins with either says it once."""
    if text.startswith(f"/{name}"):
        return f"• {text}"
    said_already = any(text.casefold().startswith(word.casefold()) for word in words)
    return f"• /{name} · {text}" if said_already else f"• {' · '.join((f'/{name}', *words))}{colon}{text}"
