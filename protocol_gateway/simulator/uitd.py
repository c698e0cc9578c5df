"""One simulated device: its connection, its frames and their fate, its answers to the centre.

A frame not confirmed in time is sent again with its serial, three times, also over a new connection; then it is
given up, as a real device does (GB/T 26875.3 extract, 2.1).
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from backend.core import clock
from protocol_gateway.gb26875.buffer import FrameBuffer
from protocol_gateway.gb26875.decode import decode
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import Frame, answer_to, build_frame
from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects import facility, inquiries, uitd
from protocol_gateway.gb26875.profiles import PROFILES
from protocol_gateway.gb26875.tables import ANSWER_TYPES, Command, TypeFlag, UitdOperationBit
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock
from protocol_gateway.simulator.facility import NORMAL, Facility, description, wire_address
from protocol_gateway.simulator.wire import Sending, Wire, WireEntry

_TIMEOUT_S: Final = 10.0
_RESENDS: Final = 3
_RECONNECT_S: Final = 1.0
_CENTRE: Final = bytes.fromhex("640000000000")
#: entries of the wire log, and frames in the register, that are kept
_WIRE_LOG: Final = 10_000
_REGISTER: Final = 200_000


class SimulatedUitd:
    """A UITD. `address` is its number, or the 12 hex digits of its six octets in wire order.

    `sendings` is the register of frames sent, `wire_log` the last octets both ways. `clock_offset` is how wrong
    its clock is, until the centre sets it.
    """

    def __init__(
        self,
        address: int | str,
        gateway: tuple[str, int],
        *,
        udp: bool = False,
        timeout_s: float = _TIMEOUT_S,
        resends: int = _RESENDS,
        reconnects: bool = True,
        answers: bool = True,
        timezone: str = "Asia/Shanghai",
        clock_offset: timedelta = timedelta(0),
    ) -> None:
        self.address = address if isinstance(address, str) else address.to_bytes(6, "little").hex()
        self.facility = Facility()
        self.sendings: deque[Sending] = deque(maxlen=_REGISTER)
        self.wire_log: deque[WireEntry] = deque(maxlen=_WIRE_LOG)
        self.clock_offset = clock_offset
        self.confirmed = self.denied = self.unanswered = self.resent = self.sent = 0
        self.requests: list[int] = []  #: type flags the centre asked or ordered
        self.connections = 0
        self.on_confirmed: Callable[[Sending], None] | None = None
        self._gateway = gateway
        self._udp = udp
        self._timeout_s = timeout_s
        self._resends = resends
        self._reconnects = reconnects
        self._answers = answers
        self._zone = ZoneInfo(timezone)
        self._source = bytes.fromhex(self.address)
        self._serial = 0
        self._waiting: OrderedDict[int, Sending] = OrderedDict()
        self._transport: Any = None
        self._is_cut = True
        self._deadline: asyncio.TimerHandle | None = None
        self._reconnecting: asyncio.Task[None] | None = None
        self._buffer = FrameBuffer()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._transport is not None

    @property
    def in_flight(self) -> int:
        """How many frames wait for their confirm."""
        return len(self._waiting)

    @property
    def waiting(self) -> Iterable[Sending]:
        """The frames that wait for their confirm."""
        return self._waiting.values()

    async def connect(self) -> None:
        """Dial the centre; what waits for its confirm goes out again. Raises OSError when nobody listens."""
        loop = asyncio.get_running_loop()
        self._is_cut = False
        self._buffer = FrameBuffer()
        if self._udp:
            await loop.create_datagram_endpoint(lambda: Wire(self), remote_addr=self._gateway)
        else:
            await loop.create_connection(lambda: Wire(self), *self._gateway)
        self.connections += 1
        for sending in tuple(self._waiting.values()):
            self._put(sending)

    def cut_cable(self) -> None:
        """Cut the connection and stay away, until `connect` is called again."""
        self._is_cut = True
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            self._reconnecting = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.abort()

    async def close(self) -> None:
        """Hang up for good; what is unconfirmed stays so in the register."""
        self.cut_cable()
        if self._deadline is not None:
            self._deadline.cancel()
        for sending in self._waiting.values():
            sending.end()
        await asyncio.sleep(0)

    async def reports_fire(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: int | str,
        text: str = "",
    ) -> Sending:
        """Report a fire of a component (bit 1), and wait until it is confirmed or given up."""
        key = system_type, system_address, component_type, component_address
        return await self.reports_state(*key, state=NORMAL | 1 << 1, text=text)

    def rests(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: int | str,
        *,
        state: int,
        text: str = "",
    ) -> None:
        """What a component's word is before it reports anything: the answer when the centre asks (type 62)."""
        key = system_type, system_address, wire_address(component_address)
        self.facility.components[key] = (component_type, state, text)

    async def reports_state(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: int | str,
        *,
        state: int,
        text: str = "",
    ) -> Sending:
        """Report the whole state word of a component (type 2), and wait for its fate."""
        address = wire_address(component_address)
        self.facility.components[system_type, system_address, address] = (component_type, state, text)
        thing = facility.ComponentState(
            system_type,
            system_address,
            component_type,
            ComponentAddress(bytes.fromhex(address)),
            state,
            description(text),
            self.time_tag(),
        )
        return await self.reports(TypeFlag.COMPONENT_STATE, thing)

    async def reports_system_state(self, system_type: int, system_address: int, state: int) -> Sending:
        """Report the state word of a system (type 1), and wait for its fate."""
        self.facility.systems[system_type, system_address] = state
        thing = facility.SystemState(system_type, system_address, state, self.time_tag())
        return await self.reports(TypeFlag.SYSTEM_STATE, thing)

    async def reports_analog(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: int | str,
        *,
        quantity: int,
        reading: int,
    ) -> Sending:
        """Report an analog's raw value (type 3), and wait for its fate."""
        address = wire_address(component_address)
        self.facility.analogs[system_type, system_address, address] = (component_type, quantity, reading)
        thing = facility.AnalogValue(
            system_type,
            system_address,
            component_type,
            ComponentAddress(bytes.fromhex(address)),
            quantity,
            reading,
            self.time_tag(),
        )
        return await self.reports(TypeFlag.ANALOG_VALUE, thing)

    async def beats(self) -> Sending:
        """Send a heartbeat (command 2 without a unit), and wait for its fate."""
        return await self.fate(self.send(b""))

    async def reports(self, type_flag: int, *objects: WireObject) -> Sending:
        """Report any objects of one type, and wait for their fate."""
        self.facility.remembers(objects)
        return await self.fate(self.send(encode_adu(type_flag, objects)))

    async def fate(self, sending: Sending) -> Sending:
        """Wait until a frame is confirmed or given up."""
        if not sending.is_confirmed and sending.serial in self._waiting:
            if sending.ended is None:
                sending.ended = asyncio.get_running_loop().create_future()
            await sending.ended
        return sending

    def send(self, adu: bytes, command: int = Command.SEND) -> Sending:
        """Send a frame of the device's own without waiting."""
        self._serial = self._serial % 0xFFFF + 1
        sending = Sending(self._serial, self._frame(self._serial, command, adu), clock.monotonic())
        self.sent += 1
        self.sendings.append(sending)
        self._waiting[sending.serial] = sending
        self._put(sending)
        self._arm()
        return sending

    def send_again(self, sending: Sending) -> None:
        """Send the very same octets once more (a repeat)."""
        self.send_octets(sending.octets)

    def send_octets(self, octets: bytes) -> None:
        """Put octets on the wire as they are; nobody waits for what becomes of them."""
        if self._transport is None:
            return
        self.wire_log.append(WireEntry(clock.now(), octets, is_sent=True))
        (self._transport.sendto if self._udp else self._transport.write)(octets)

    def frame(self, adu: bytes, command: int = Command.SEND) -> bytes:
        """A well-formed frame of this device with a fresh serial, to be damaged or cut by the caller."""
        self._serial = self._serial % 0xFFFF + 1
        return self._frame(self._serial, command, adu)

    def time_tag(self) -> TimeTag:
        """What the device's clock shows."""
        return TimeTag.of(self._shown())

    def received(self, octets: bytes) -> None:
        """Take what came from the centre."""
        now = clock.monotonic()
        self.wire_log.append(WireEntry(clock.now(), octets, is_sent=False))
        for found in self._buffer.feed(octets, now):
            if isinstance(found, Frame):
                self._take(found, now)

    def opened(self, transport: Any) -> None:
        """The wire is there."""
        self._transport = transport

    def lost(self, transport: Any) -> None:
        """The wire has gone; dial again unless it was cut on purpose."""
        if self._transport is not transport and not self._is_cut:
            return
        self._transport = None
        if not self._is_cut and self._reconnects:
            self._reconnecting = asyncio.get_running_loop().create_task(self._reconnect())

    def _shown(self) -> WallClock:
        return WallClock.of(clock.now() + self.clock_offset, self._zone)

    def _frame(self, serial: int, command: int, adu: bytes) -> bytes:
        return build_frame(
            serial=serial,
            command=command,
            clock=self._shown(),
            source=self._source,
            destination=_CENTRE,
            adu=adu,
        )

    def _put(self, sending: Sending) -> None:
        if self._transport is not None:
            sending.times_sent += 1
            self.send_octets(sending.octets)

    def _arm(self) -> None:
        if self._deadline is None and self._waiting:
            self._deadline = asyncio.get_running_loop().call_later(self._timeout_s, self._overdue)

    def _overdue(self) -> None:
        self._deadline = None
        now = clock.monotonic()
        for sending in tuple(self._waiting.values()):
            tries = max(1, sending.times_sent)
            if now - sending.sent_at < self._timeout_s * tries:
                continue
            if tries > self._resends:
                self._end(sending)
                self.unanswered += 1
            else:
                self._resend(sending)
        self._arm()

    def _resend(self, sending: Sending) -> None:
        self.resent += 1
        if self._transport is None:
            sending.times_sent += 1
        self._put(sending)

    def _end(self, sending: Sending) -> None:
        self._waiting.pop(sending.serial, None)
        if not self._waiting and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        sending.end()

    def _take(self, frame: Frame, now: float) -> None:
        if frame.command == Command.CONFIRM:
            self._confirmed(frame.serial, now)
        elif frame.command == Command.DENY:
            self._denied(frame.serial)
        elif frame.command in (Command.CONTROL, Command.REQUEST):
            self._asked(frame)

    def _confirmed(self, serial: int, now: float) -> None:
        sending = self._waiting.get(serial)
        if sending is None:
            return
        sending.confirmed_at = now
        self.confirmed += 1
        self._end(sending)
        if self.on_confirmed is not None:
            self.on_confirmed(sending)

    def _denied(self, serial: int) -> None:
        self.denied += 1
        sending = self._waiting.get(serial)
        if sending is None:
            return
        sending.denials += 1
        if sending.denials > self._resends:
            self._end(sending)
        else:
            self._resend(sending)

    def _asked(self, frame: Frame) -> None:
        decoded = decode(frame, PROFILES["standard"])
        type_flag = decoded.type_flag or 0
        self.requests.append(type_flag)
        if not self._answers:
            return
        objects = decoded.objects or ()
        if frame.command == Command.CONTROL:
            self._obey(frame, objects)
            return
        said = self.facility.answer(type_flag, objects, self.time_tag())
        answer_type = ANSWER_TYPES.get(type_flag)
        if said is None or answer_type is None:
            self.send_octets(answer_to(frame, Command.DENY, clock=self._shown()))
            return
        self._respond(frame, answer_type, said)

    def _respond(self, frame: Frame, answer_type: TypeFlag, said: Sequence[WireObject]) -> None:
        adu = encode_adu(answer_type, said) if said else bytes((answer_type, 0))  # no records: an empty list
        self.send_octets(answer_to(frame, Command.RESPONSE, clock=self._shown(), adu=adu))

    def _obey(self, frame: Frame, objects: Sequence[WireObject]) -> None:
        order = objects[0] if objects else None
        if isinstance(order, inquiries.SynchroniseClock) and order.center_time.wall_clock is not None:
            self.clock_offset = order.center_time.wall_clock.in_zone(self._zone) - clock.now()
            if abs(self.clock_offset) < timedelta(seconds=2):  # a time tag has whole seconds
                self.clock_offset = timedelta(0)
        self.send_octets(answer_to(frame, Command.CONFIRM, clock=self._shown()))
        if isinstance(order, inquiries.DutyCheckCall):
            present = uitd.UitdOperation(UitdOperationBit.POST_CHECK_ANSWER.mask, 1, self.time_tag())
            self.facility.remembers((present,))
            self.send(encode_adu(TypeFlag.UITD_OPERATION, (present,)))

    async def _reconnect(self) -> None:
        while not self._is_cut:
            await asyncio.sleep(_RECONNECT_S)
            try:
                await self.connect()
            except OSError:
                continue
            return
