"""Pages and lists asked for with a spoiled address: a sentence or the usual page, never a broken one."""

from types import SimpleNamespace

import pytest

from backend.core.ids import new_id
from backend.people.model import SessionKind
from tests.integration.test_pages import cookie, house, raise_fire

__all__ = ["house"]
BAD = (
    "",
    " ",
    "x",
    "-1",
    "0",
    "99999999999999999999",
    "2026-13",
    "0000-00",
    "9999-12",
    "10000-01",
    "'\"<>",
    "%00",
    "字",
    str(new_id()),
)
PHONE = {
    "/m": ("which", "after", "led_by"),
    "/m/orders": ("which", "unit"),
    "/m/complaints": ("which", "month", "alarm", "order"),
    "/m/duty": ("unit",),
    "/m/masks": ("which", "unit", "device", "system", "component"),
    "/m/status": ("unit",),
    "/m/facilities": ("unit",),
    "/mp/v1/work-orders": ("which", "unit", "limit"),
    "/mp/v1/complaints": ("which", "own", "limit"),
    "/mp/v1/complaints/figures": ("month",),
    "/mp/v1/complaints/export.csv": ("month",),
    "/mp/v1/masks": ("which", "limit"),
    "/mp/v1/windows": ("which", "limit"),
}
DESK = {
    "/": ("which", "after", "led_by"),
    "/orders": ("which", "unit"),
    "/complaints": ("which", "month", "alarm", "order"),
    "/duty-checks": ("unit",),
    "/masks": ("which", "unit", "device", "system", "component"),
    "/deadlines": ("month", "unit", "severity", "since", "until"),
    "/links": ("unit",),
    "/status": ("unit",),
}


@pytest.mark.parametrize(
    ("kind", "who", "paths"), [(SessionKind.PHONE, "wang", PHONE), (SessionKind.CONSOLE, "qian", DESK)]
)
async def test_no_spoiled_address_breaks_a_page(
    house: SimpleNamespace, kind: SessionKind, who: str, paths: dict[str, tuple[str, ...]]
) -> None:
    await raise_fire()
    headers = await cookie(who, kind)
    broken = []
    for path, names in paths.items():
        for name in names:
            for each in BAD:
                answer = await house.client.get(f"{path}?{name}={each}", headers=headers)
                if answer.status_code >= 500:
                    broken.append(f"{path}?{name}={each} -> {answer.status_code}")
    assert broken == []
