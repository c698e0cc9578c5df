"""`/mp/v1/masks`, `/mp/v1/windows`: masks, drills and tests from a phone or the duty desk's pages."""

from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from backend.alarms.masks.queries import MaskLine, WindowLine, masks_for, windows_for
from backend.alarms.masks.service import approve, lift, refuse
from backend.alarms.masks.windows import end_window
from backend.alarms.masks.wire import (
    DoneOut,
    ExtendIn,
    LiftIn,
    MaskIn,
    RefuseIn,
    WindowIn,
    ask_by,
    extend_by,
    mask_done,
    open_by,
    window_done,
)
from backend.core.vocabulary import Via
from backend.people.model import Person

_MOST: Final = 300
Which = Literal["open", "ended"]
Limit = Annotated[int, QueryParameter(ge=1, le=_MOST)]


class Masks(Controller):
    """Masks (屏蔽) of the caller's units."""

    path = "/mp/v1/masks"
    tags = ("phone",)

    @get()
    async def list_masks(
        self, person: NamedDependency[Person], which: FromQuery[Which] = "open", limit: Limit = 100
    ) -> list[MaskLine]:
        """Those that wait or are in force; or those that ended."""
        return await masks_for(person, which, limit=limit)

    @post(status_code=200)
    async def ask(self, person: NamedDependency[Person], via: NamedDependency[Via], data: JSONBody[MaskIn]) -> DoneOut:
        """Begins at once, or waits for a second person when it reaches fire points."""
        return await ask_by(person, data, via)

    @post("/{mask_id:uuid}/approval", status_code=200)
    async def approve(
        self, person: NamedDependency[Person], via: NamedDependency[Via], mask_id: FromPath[UUID]
    ) -> DoneOut:
        """A second person agrees. A second time finds it in force."""
        return mask_done(await approve(person, mask_id, via), person.language)

    @post("/{mask_id:uuid}/refusal", status_code=200)
    async def refuse(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        mask_id: FromPath[UUID],
        data: JSONBody[RefuseIn],
    ) -> DoneOut:
        """A second person does not agree."""
        return mask_done(await refuse(person, mask_id, data.why, via), person.language)

    @post("/{mask_id:uuid}/lifting", status_code=200)
    async def lift(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        mask_id: FromPath[UUID],
        data: JSONBody[LiftIn],
    ) -> DoneOut:
        """Over before its time; what stands still is told at once."""
        return mask_done(await lift(person, mask_id, data.why, via), person.language)

    @post("/{mask_id:uuid}/extension", status_code=200)
    async def extend(
        self,
        person: NamedDependency[Person],
        via: NamedDependency[Via],
        mask_id: FromPath[UUID],
        data: JSONBody[ExtendIn],
    ) -> DoneOut:
        """A new mask over the same; over fire points it is approved anew."""
        return await extend_by(person, mask_id, data, via)


class Windows(Controller):
    """Drills and tests (演练/测试) of the caller's units."""

    path = "/mp/v1/windows"
    tags = ("phone",)

    @get()
    async def list_windows(
        self, person: NamedDependency[Person], which: FromQuery[Which] = "open", limit: Limit = 100
    ) -> list[WindowLine]:
        """Those that are planned or open; or those that ended."""
        return await windows_for(person, which, limit=limit)

    @post(status_code=200)
    async def open(
        self, person: NamedDependency[Person], via: NamedDependency[Via], data: JSONBody[WindowIn]
    ) -> DoneOut:
        """A drill or a test: its alarms are marked and stay inside the house."""
        return await open_by(person, data, via)

    @post("/{window_id:uuid}/end", status_code=200)
    async def end(
        self, person: NamedDependency[Person], via: NamedDependency[Via], window_id: FromPath[UUID]
    ) -> DoneOut:
        """Over before its time."""
        return window_done(await end_window(person, window_id, via), person.language)
