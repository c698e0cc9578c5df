"""A reply's destination: the message it answers where the account extends its number, else nothing."""

from typing import Any

import msgspec
import pytest

from backend.core.db.engine import execute
from backend.core.vocabulary import Channel
from tests.integration.test_carrier_answers import FAULT, acknowledged, phone, told
from tests.integration.test_carrier_hooks import SETTINGS, TOKEN, caller

__all__ = ["phone"]
pytestmark = pytest.mark.told_apart


@pytest.mark.parametrize(("has_extensions", "meant"), [(False, 2), (True, 1)])
async def test_the_destinations_digits_name_a_message_only_where_the_account_extends_its_number(
    door: Any, phone: str, redis_url: str, *, has_extensions: bool, meant: int
) -> None:
    """The sender's own number ends in some digits too: one day they are those of an old message."""
    old = await told(door, Channel.SMS, address="0a000200", state=FAULT)
    await execute("update alarms set verdict = 'false', closed_at = now(), cleared_at = now()")
    await told(door, Channel.SMS, address="0b000200", state=FAULT)
    aliyun = msgspec.structs.replace(SETTINGS.aliyun, has_extend_codes=has_extensions)
    up = {"phone_number": "13800000001", "content": "1", "dest_code": f"1069000{old % 10_000:04d}"}
    async with caller(redis_url, msgspec.structs.replace(SETTINGS, aliyun=aliyun)) as carrier:
        answer = await carrier.post(f"/hooks/aliyun/{TOKEN}/sms-up", json=[up])
    assert answer.status_code == 200
    assert await acknowledged() == [("sms", meant)]
