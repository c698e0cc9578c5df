"""Reading and refusing keyboards as the real server does.

Source: Bot API "InlineKeyboardButton": callback_data is 1 to 64 octets of UTF-8; a button does one thing.
"""

from typing import Any, Final

import msgspec

from backend.demo.carriers.telegram.refusals import bad_request
from backend.demo.carriers.telegram.wire import InlineKeyboardButton, InlineKeyboardMarkup

MOST_CALLBACK_OCTETS: Final = 64
MOST_BUTTONS: Final = 100
_LOOKS: Final = frozenset({"text", "style", "icon_custom_emoji_id"})
_OTHER_MARKUPS: Final = ("keyboard", "remove_keyboard", "force_reply")


def read_markup(markup: dict[str, Any] | None) -> InlineKeyboardMarkup | None:
    """The inline keyboard, or None for none; reply keyboards are accepted and are no part of a message.

    Raises ApiRefusal for a button that cannot be, "BUTTON_DATA_INVALID" for callback data out of bounds.
    """
    if not markup:
        return None
    if "inline_keyboard" not in markup:
        if any(name in markup for name in _OTHER_MARKUPS):
            return None
        raise bad_request("object expected as reply markup")
    try:
        keyboard = msgspec.convert(markup, InlineKeyboardMarkup)
    except msgspec.ValidationError as error:
        raise bad_request(f"can't parse inline keyboard button: {error}") from None
    buttons = [button for row in keyboard.inline_keyboard for button in row]
    for button in buttons:
        _refuse_bad_button(button)
    if len(buttons) > MOST_BUTTONS:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    rows = [row for row in keyboard.inline_keyboard if row]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _refuse_bad_button(button: InlineKeyboardButton) -> None:
    if not button.text.strip():
        raise bad_request("can't parse inline keyboard button: Button text must not be empty")
    does = [name for name in button.__struct_fields__ if name not in _LOOKS and getattr(button, name) is not None]
    if not does:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.callback_data
    if data is not None and not 1 <= len(data.encode()) <= MOST_CALLBACK_OCTETS:
        raise bad_request("BUTTON_DATA_INVALID")


def all_buttons(keyboard: InlineKeyboardMarkup | None) -> list[InlineKeyboardButton]:
    """The buttons in reading order."""
    return [button for row in keyboard.inline_keyboard for button in row] if keyboard else []
