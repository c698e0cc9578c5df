"""Calls by Aliyun: SingleCallByTts says the template, IvrCall also asks for a key.

IvrCall wants a bought number, a filed script and enterprise certification; without them the plain call is all there is,
and keys that people press are not heard.
"""

from typing import Final

import msgspec

from backend.core.settings import Aliyun
from backend.delivery.carrier_codes import short_code
from workers.channels.aliyun.client import AliyunApi
from workers.channels.ports import Call, Purpose, Taken

_TIMES: Final = "2"
_KEY_TIMEOUT_MS: Final = "8000"
_REPEATS: Final = "*"
_TEMPLATE_OF: Final = {Purpose.FIRE: "voice_fire", Purpose.RESTORED: "voice_restored"}


class AliyunVoice(AliyunApi):
    """A VoiceVendor. Raises BadSettings without credentials."""

    def __init__(self, settings: Aliyun, timeout_s: float) -> None:
        super().__init__(settings, settings.voice_base, timeout_s)

    async def call(self, call: Call) -> Taken:
        """Have one telephone rung. Raises VendorRefusal."""
        name = _TEMPLATE_OF.get(call.purpose, "voice_other")
        code = self.code_of(call.purpose, getattr(self.settings, name))
        parameters = {
            "CalledNumber": self.national(call.phone),
            "PlayTimes": _TIMES,
            "OutId": short_code(call.number),
        }
        if self.settings.show_number:
            parameters["CalledShowNumber"] = self.settings.show_number
        values = msgspec.json.encode(dict(call.parts)).decode()
        if self.settings.voice_mode == "ivr" and call.keys:
            return await self.act("IvrCall", parameters | self._menu(call, code, values), "CallId")
        return await self.act("SingleCallByTts", parameters | {"TtsCode": code, "TtsParam": values}, "CallId")

    def _menu(self, call: Call, code: str, values: str) -> dict[str, str]:
        """The message, then the keys: the star says it again, any other key is thanked for."""
        thanks = self.code_of("a pressed key", self.settings.voice_thanks)
        menu = {"StartCode": code, "StartTtsParams": values, "ByeCode": thanks, "Timeout": _KEY_TIMEOUT_MS}
        for index, key in enumerate(call.keys, start=1):
            menu[f"MenuKeyMap.{index}.Key"] = key
            menu[f"MenuKeyMap.{index}.Code"] = code if key == _REPEATS else thanks
            if key == _REPEATS:
                menu[f"MenuKeyMap.{index}.TtsParams"] = values
        return menu
