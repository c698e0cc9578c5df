"""The sample devices: what the street tells them over Redis, they do on their protocol; nonsense changes nothing."""

import asyncio
from pathlib import Path

from backend.core.db.engine import close_database, open_database
from backend.core.redis import connect
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.demo.devices import TOPIC, Uitd, run_devices
from backend.registry.importing import import_path
from tests.patience import PATIENCE_S

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"


class RecordingUitd:
    """Writes down what it was asked to say."""

    def __init__(self, address: str, said: "asyncio.Queue[tuple[str, object]]") -> None:
        self.address = address
        self.said = said
        self.is_connected = False

    async def connect(self) -> None:
        self.is_connected = True
        await self.said.put((self.address, "connect"))

    def cut_cable(self) -> None:
        self.is_connected = False
        self.said.put_nowait((self.address, "cut"))

    async def close(self) -> None:
        self.is_connected = False

    def rests(self, *key: object, state: int, text: str = "") -> None:
        """What the centre would be answered."""

    async def beats(self) -> None:
        await self.said.put((self.address, "beat"))

    async def reports_state(self, *key: object, state: int, text: str = "") -> None:
        await self.said.put((self.address, ("state", key, state, text)))

    async def reports_analog(self, *key: object, quantity: int, reading: int) -> None:
        await self.said.put((self.address, ("analog", key, quantity, reading)))


async def test_the_devices_live_and_obey_the_street(database_url: str, redis_url: str) -> None:
    await open_database(database_url)
    await import_path(SAMPLE)
    await close_database()
    settings = Settings(database=Database(url=Secret(database_url)), redis=RedisSection(url=Secret(redis_url)))
    said: asyncio.Queue[tuple[str, object]] = asyncio.Queue()

    def make(address: str, _: str) -> Uitd:
        return RecordingUitd(address, said)

    async def hears(wanted: str) -> tuple[str, object]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                address, what = await said.get()
                if wanted in str(what):
                    return address, what

    running = asyncio.create_task(run_devices(settings, make))
    redis = connect(redis_url)
    try:
        address, what = await hears("'analog'")
        assert address == "790300000000"
        assert isinstance(what, tuple)
        assert what[3] > 0
        while not await redis.publish(TOPIC, b'{"do":"explode"}'):
            await asyncio.sleep(0.01)
        await redis.publish(TOPIC, b'{"do":"fire","building":0}')
        assert await hears("'state'") == (
            "790300000000",
            ("state", (1, 1, 42, "65000000"), 0b11, "感烟探测器 1层大堂"),
        )
        await redis.publish(TOPIC, b'{"do":"cut","building":1}')
        assert (await hears("cut"))[0] == "7a0300000000"
        await redis.publish(TOPIC, b'{"do":"fire","building":1}')
        await redis.publish(TOPIC, b'{"do":"fire","building":9}')
        await redis.publish(TOPIC, b'{"do":"mend","building":1}')
        assert await hears("") == ("7a0300000000", "connect")  # the fire was not told over a cut cable
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await redis.aclose()
