"""链路事件: what a `Link` tells its shell."""

from enum import StrEnum

import msgspec

from protocol_gateway.gb26875.answers import Answer
from protocol_gateway.gb26875.buffer import ShortHeartbeat
from protocol_gateway.gb26875.decode import Decoded
from protocol_gateway.gb26875.frame import Frame
from protocol_gateway.gb26875.tables import Command


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """业务流程: one of our requests or orders, from sending to answer (section 2.1).

    `answer_type` is the type flag that ends a request, None when any does or a confirm is enough. A patrol
    (通信巡检) is started by the link itself.
    """

    serial: int
    command: Command
    type_flag: int
    answer_type: int | None
    is_patrol: bool = False


class FailureReason(StrEnum):
    """Why an exchange ended without its answer."""

    TIMEOUT = "timeout"
    DENIED = "denied"
    DISCONNECTED = "disconnected"


class FrameReceived(msgspec.Struct, frozen=True):
    """A frame came: to be recorded, whatever else follows. A repeat makes no second alarm."""

    frame: Frame
    decoded: Decoded
    is_repeat: bool


class HeartbeatReceived(msgspec.Struct, frozen=True):
    """A twelve-octet vendor heartbeat came; `confirm` answers it where the profile knows how."""

    heartbeat: ShortHeartbeat


class ConfirmOwed(msgspec.Struct, frozen=True):
    """`frame` waits for its answer: call `confirm` as soon as it is durable, and not before."""

    frame: Frame
    answer: Answer


class DenyOwed(msgspec.Struct, frozen=True):
    """`frame`, perhaps only its header, is to be denied: call `deny`."""

    frame: Frame


class ExchangeDone(msgspec.Struct, frozen=True):
    """The answer came. `frame` and `decoded` are None where the device owes none and the wait ended."""

    exchange: Exchange
    frame: Frame | None = None
    decoded: Decoded | None = None


class ExchangeFailed(msgspec.Struct, frozen=True):
    """The last try went unanswered, or was denied."""

    exchange: Exchange
    reason: FailureReason


class ResendDue(msgspec.Struct, frozen=True):
    """The same request goes out once more, with the same serial."""

    exchange: Exchange
    #: Which sending this is; the first is 1.
    attempt: int


class Alive(msgspec.Struct, frozen=True):
    """The device spoke for the first time, or again after it had been lost (`was_lost`)."""

    was_lost: bool


class SilenceExpired(msgspec.Struct, frozen=True):
    """通信故障: the device is lost; nothing came for `silent_for` seconds and the patrols went unanswered."""

    silent_for: float


LinkEvent = (
    FrameReceived
    | HeartbeatReceived
    | ConfirmOwed
    | DenyOwed
    | ExchangeDone
    | ExchangeFailed
    | ResendDue
    | Alive
    | SilenceExpired
)
