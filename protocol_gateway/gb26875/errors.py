"""Whose fault it is: the device's (`RemoteFrameError`) or ours (`LocalProtocolError`).

ValueError
└─ LocalProtocolError    we asked for a frame that the standard cannot carry
Exception
└─ RemoteFrameError      what came is no frame; it knows its fault and whether a deny is owed
"""

from enum import StrEnum

from protocol_gateway.gb26875.tables import Command


class Fault(StrEnum):
    """Why octets are no frame (sections 9 and 16)."""

    #: The start mark 启动符 is not `40 40`.
    START = "start"
    #: Fewer octets than the frame claims, in something that will not grow.
    TRUNCATED = "truncated"
    #: The length field says more than 1024.
    LENGTH = "length"
    #: The end mark 结束符 is not `23 23`.
    END = "end"
    #: The sum of the octets is another.
    CHECKSUM = "checksum"
    #: The vendors' twelve-octet heartbeat, which is no frame of the standard.
    SHORT_HEARTBEAT = "short_heartbeat"
    #: The rest of a frame did not come within the hold time.
    INCOMPLETE = "incomplete"
    #: More octets follow where only one frame was expected.
    TRAILING = "trailing"
    #: Octets between frames that belong to none.
    GARBAGE = "garbage"
    #: The text is no row of hexadecimal octets (only where frames are typed in).
    NOT_HEX = "not_hex"


class LocalProtocolError(ValueError):
    """We asked for something the standard cannot carry: a bug or a bad setting on our side."""


class RemoteFrameError(Exception):
    """What a device sent is no frame. Carries the fault, the octets, and the answer owed.

    `answer` is `Command.DENY` where section 9 asks for one, else None: then there is nothing trustworthy to
    answer.
    """

    def __init__(self, fault: Fault, octets: bytes, answer: Command | None = None) -> None:
        super().__init__(f"{fault.value}: {len(octets)} octets")
        self.fault = fault
        self.octets = octets
        self.answer = answer
