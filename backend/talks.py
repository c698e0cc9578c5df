"""TALKS: what every chat can speak of, in the order in which the help offers it. To add a concept: list its Talk.

The rule: a chat (bots/…) takes the whole list; nothing in it belongs to one chat.
"""

from typing import Final

from backend.alarms.chat import ALARMS
from backend.alarms.digests.chat import DIGEST_TALK
from backend.alarms.masks.chat import MASKS
from backend.alarms.status_chat import STATUS_TALK
from backend.chat.model import Talk
from backend.complaints.chat import COMPLAINTS
from backend.duty.check_chat import CHECK_TALK
from backend.duty.handover_chat import HANDOVER_TALK
from backend.work_orders.chat import WORK_ORDERS

TALKS: Final[tuple[Talk, ...]] = (
    ALARMS,
    STATUS_TALK,
    MASKS,
    WORK_ORDERS,
    COMPLAINTS,
    HANDOVER_TALK,
    CHECK_TALK,
    DIGEST_TALK,
)
