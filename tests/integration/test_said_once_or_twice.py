"""What is said twice is one act, and what only looks the same is two: complaints, photos, hand-overs (5.5)."""

from datetime import timedelta

import pytest

from backend.chat.drafts import PostgresDrafts
from backend.chat.model import Key
from backend.complaints import handling, service
from backend.complaints.filing import Filing, file
from backend.complaints.queries import complaint_story, complaints_for
from backend.core import clock
from backend.core.vocabulary import ComplaintKind, Via
from backend.evidence.model import EvidenceId, MediaKind
from backend.evidence.service import keep
from backend.people.model import Person
from backend.work_orders.opening import Opening, open_order
from tests.integration.test_complaints import Town, still, town
from tests.integration.test_complaints_in_chat import Chat

__all__ = ["still", "town"]
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


async def a_photo(who: Person, mark: bytes) -> EvidenceId:
    return await keep(who, MediaKind.PHOTO, "a.jpg", JPEG + mark)


async def test_two_complaints_about_two_things_in_the_same_words_are_two(town: Town) -> None:
    def about(number: int) -> Filing:
        return Filing(unit=town.unit, kind=ComplaintKind.OTHER, text="处理太慢", about_words=f"第 {number} 次维修")

    first = await file(town.wang, about(1), Via.TELEGRAM)
    second = await file(town.wang, about(2), Via.TELEGRAM)
    assert (await file(town.wang, about(2), Via.TELEGRAM)).id == second.id, "a second tap"
    assert first.id != second.id


async def test_two_complaints_with_nothing_but_different_photos_are_two(town: Town) -> None:
    filing = Filing(unit=town.unit, kind=ComplaintKind.OTHER, text="（见附件）")
    first = await file(town.wang, filing, Via.TELEGRAM, [await a_photo(town.wang, b"1")])
    second = await file(town.wang, filing, Via.TELEGRAM, [await a_photo(town.wang, b"2")])
    again = await file(town.wang, filing, Via.TELEGRAM, [await a_photo(town.wang, b"2")])
    assert first.id != second.id
    assert again.id == second.id, "the same picture sent again is the same complaint"


async def test_a_second_photo_without_words_is_kept_too(town: Town) -> None:
    complaint = await town.files()
    for mark in (b"1", b"2", b"2"):
        piece = await a_photo(town.wang, mark)
        await service.answer(town.wang, complaint.id, "（见附件）", Via.TELEGRAM, [piece])
    story = await complaint_story(town.wang, complaint.id)
    assert sum(len(each.evidence) for each in story.entries) == 2


async def test_who_handed_it_to_the_wrong_one_hands_it_on(town: Town) -> None:
    complaint = await town.files()
    await handling.transfer(town.lead, complaint.id, town.sun.id, "", Via.TELEGRAM)
    after = await handling.transfer(town.lead, complaint.id, town.li.id, "", Via.TELEGRAM)
    assert after.assignee == town.li.id


async def test_who_is_complained_about_by_name_does_not_get_the_complaint(town: Town) -> None:
    filing = Filing(unit=town.unit, kind=ComplaintKind.PERSON, text="态度恶劣", about_words="李受理")
    complaint = await file(town.wang, filing, Via.TELEGRAM)
    assert complaint.assignee == town.sun.id
    assert (await file(town.wang, filing, Via.TELEGRAM)).id == complaint.id
    assert await complaints_for(town.li) == []


async def test_a_complaint_about_a_work_order_names_it(town: Town) -> None:
    order = await open_order(town.wang, Opening(unit=town.unit, what="水泵异响", needs=()), Via.PHONE)
    filing = Filing(unit=town.unit, kind=ComplaintKind.ORDER, text="一周没人来", about=order.id)
    complaint = await file(town.wang, filing, Via.TELEGRAM)
    assert (complaint.about, complaint.about_words) == (order.id, f"#{order.number} 水泵异响 · 示范大厦")
    chat = Chat(town.wang)
    await chat.says("投诉")
    await chat.presses("工单投诉")
    (label,) = [key.label for key in chat.keys if key.label.startswith(f"#{order.number} 水泵异响")]
    assert "请说明情况" in await chat.presses(label)


async def test_who_withdraws_in_chat_is_asked_how_satisfied_they_are(town: Town) -> None:
    complaint = await town.files()
    chat = Chat(town.wang)
    await chat.presses_key(Key("撤回", "c-withdraw", complaint.id))
    assert "已撤回，待评价" in await chat.says("已解决")
    assert "您评了 4 分" in await chat.presses("4 ★")
    assert "已评价" in await chat.presses("处理及时")


async def test_a_draft_that_outlived_its_complaint_files_no_second_one(
    town: Town, still: clock.StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(town.wang)
    for says, presses in (("反馈", "咨询"), ("什么时候年检？", "")):
        await chat.says(says)
        if presses:
            await chat.presses(presses)
    send = next(key for key in chat.keys if key.label == "提交")

    async def dies(*_: object) -> bool:
        raise ConnectionError("the process dies between the act and its mark")

    with monkeypatch.context() as dying:
        dying.setattr(PostgresDrafts, "end", dies)
        with pytest.raises(ConnectionError):
            await chat.presses_key(send)
    still.advance(timedelta(hours=1))
    assert "已受理，编号 FK-20261126-001" in await chat.presses_key(send)
    assert len(await complaints_for(town.wang)) == 1
