"""What a complainant sent beside their words is heard and seen by the handler in Telegram, by the real bot."""

from backend.complaints import service
from backend.complaints.queries import complaints_for
from backend.core.vocabulary import Via
from backend.demo.carriers.telegram import BotApiServer
from backend.demo.carriers.telegram.actor import Person
from backend.evidence.model import MediaKind
from backend.evidence.service import keep
from tests.integration.chatting import JPEG, Phone, bot_process, link
from tests.integration.test_complaints import Town, town
from tests.integration.test_telegram_bot import base, carrier

__all__ = ["base", "carrier", "town"]
VOICE = b"OggS" + bytes(24) + b"OpusHead" + bytes(16)
CUT_SHORT = b"\xff\xd8\xff"


def octets(carrier: BotApiServer, phone: Phone) -> bytes:
    path = phone.messages()[-1].file_path
    assert path is not None
    stored = carrier.account.files.at_path(path)
    assert stored is not None
    return stored.upload.octets


async def test_a_voice_note_a_photo_and_a_broken_one_are_opened_under_the_complaint(
    town: Town, carrier: BotApiServer, base: str
) -> None:
    async with bot_process(base):
        wang = await link(carrier, town.wang.id, Person(id=500001, first_name="Wang"))
        li = await link(carrier, town.li.id, Person(id=500002, first_name="Li"))
        await wang.says("/complain")
        await wang.taps("其他投诉")
        await wang.shows("请说明情况")
        carrier.act.send_file(wang.chat, "voice", VOICE)
        await wang.shows("附件 1 个")
        await wang.taps("提交")
        await wang.shows("已受理")
        (line,) = await complaints_for(town.li)
        pieces = [await keep(town.wang, MediaKind.PHOTO, "a.jpg", each) for each in (JPEG, CUT_SHORT)]
        await service.answer(town.wang, line.id, "照片", Via.TELEGRAM, pieces)
        await li.says("/complaint_queue")
        await li.taps(line.number)
        await li.shows("（见附件） 📎1")
        for label, kept in (("📎 1", VOICE), ("📎 2", JPEG), ("📎 3", CUT_SHORT)):
            await li.taps(label)
            await li.shows(f"{line.number} · {label}")
            assert octets(carrier, li) == kept
        assert [each.is_photo for each in li.messages()[-3:]] == [False, True, False]
