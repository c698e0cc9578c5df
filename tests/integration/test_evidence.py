"""Evidence on the real database: kept as it came, bound once, found by what it is about."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch_one
from backend.core.errors import BadInput, Conflict, NotFound, TooMany
from backend.core.ids import PersonId, new_id
from backend.evidence import service
from backend.evidence.model import EvidenceId, MediaKind, ledger_facts
from backend.people import queries
from backend.people.model import Person

PHOTO: Final = b"\xff\xd8\xff\xe1Exif\x00GPS and all" + bytes(range(256))


@pytest.fixture
async def wang(unit: dict[str, UUID]) -> Person:
    return await queries.person(PersonId(unit["manager"]))


@pytest.fixture
async def li(unit: dict[str, UUID], add_person: Callable[..., Awaitable[UUID]]) -> Person:
    return await queries.person(PersonId(await add_person("li", "李师傅", "maintainer", unit["unit"])))


async def test_a_photo_is_kept_octet_for_octet_with_its_digest(wang: Person) -> None:
    piece = await service.evidence(await service.keep(wang, MediaKind.PHOTO, "../../现场.jpg", PHOTO))
    assert (piece.kind, piece.media_type, piece.name) == (MediaKind.PHOTO, "image/jpeg", "现场.jpg")
    assert (piece.size, piece.sha256) == (len(PHOTO), hashlib.sha256(PHOTO).hexdigest())
    assert (piece.by, piece.about) == (wang.id, None)
    assert await service.octets_of(piece.id) == PHOTO


async def test_what_is_no_evidence_leaves_no_row(wang: Person) -> None:
    with pytest.raises(BadInput):
        await service.keep(wang, MediaKind.PHOTO, "virus.jpg", b"MZ\x90\x00")
    assert await fetch_one("select 1 from evidence") is None


async def test_bound_evidence_is_found_by_what_it_is_about_and_by_nothing_else(wang: Person) -> None:
    first = await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO)
    second = await service.keep(wang, MediaKind.DOCUMENT, "b.pdf", b"%PDF-1.4")
    order, other = new_id(), new_id()
    bound = await service.bind([first, second, first], "order", order)
    assert [each.id for each in bound] == [first, second]
    assert [each.id for each in await service.evidence_of("order", order)] == [first, second]
    assert await service.evidence_of("order", other) == []
    assert await service.evidence_of("complaint", order) == []
    assert ledger_facts(bound)[0]["sha256"] == hashlib.sha256(PHOTO).hexdigest()


async def test_binding_again_to_the_same_changes_nothing_and_to_another_is_refused(wang: Person) -> None:
    photo, order = await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO), new_id()
    once = await service.bind([photo], "order", order)
    assert await service.bind([photo], "order", order) == once
    with pytest.raises(Conflict):
        await service.bind([photo], "order", new_id())
    with pytest.raises(NotFound):
        await service.bind([EvidenceId(new_id())], "order", order)


async def test_of_two_acts_that_take_a_photo_up_at_once_one_has_it(wang: Person) -> None:
    photo = await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO)
    orders = [new_id(), new_id()]
    answers = await asyncio.gather(*(service.bind([photo], "order", each) for each in orders), return_exceptions=True)
    assert sorted(isinstance(each, Conflict) for each in answers) == [False, True]


async def test_another_persons_photo_can_not_be_named_by_its_id(wang: Person, li: Person) -> None:
    photo, order = await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO), new_id()
    with pytest.raises(NotFound):
        await service.bind([photo], "order", order, by=li.id)
    assert (await service.evidence(photo)).about is None
    await service.bind([photo], "order", order, by=wang.id)
    with pytest.raises(NotFound):  # nor once it is bound, even to the same thing
        await service.bind([photo], "order", order, by=li.id)


async def test_nobody_can_change_or_delete_what_is_bound(wang: Person) -> None:
    photo, order = await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO), new_id()
    await service.bind([photo], "order", order)
    for sql in (
        "update evidence set octets = '\\x01', size = 1 where id = $1",
        "update evidence set sha256 = '' where id = $1",
        "update evidence set about = gen_random_uuid() where id = $1",
        "delete from evidence where id = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute(sql, photo)


async def test_what_no_act_took_up_is_let_go_after_two_days_and_bound_evidence_never(wang: Person) -> None:
    left = await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO)
    taken = await service.keep(wang, MediaKind.PHOTO, "b.jpg", PHOTO)
    await service.bind([taken], "order", new_id())
    assert await service.forget_unbound() == 0
    with clock.use(clock.StillClock(clock.now() + timedelta(days=2, minutes=1))):
        assert await service.forget_unbound() == 1
    with pytest.raises(NotFound):
        await service.octets_of(left)
    assert await service.octets_of(taken) == PHOTO


async def test_somebody_who_sends_files_without_end_is_stopped_and_others_are_not(
    wang: Person, li: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_MOST_UNBOUND", 2)
    for _ in range(2):
        await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO)
    with pytest.raises(TooMany):
        await service.keep(wang, MediaKind.PHOTO, "a.jpg", PHOTO)
    await service.keep(li, MediaKind.PHOTO, "a.jpg", PHOTO)
