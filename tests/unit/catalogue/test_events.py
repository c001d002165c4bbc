"""The sampler notifies each listener of changes in its project, and is idle without listeners."""

import asyncio

from trapline.server.catalogue.events import ChangeSubscribers, Stamps
from trapline.wire.events import ChangeEvent

JOB = ChangeEvent(project_id=1, kind="job", id="7")
FOREIGN = ChangeEvent(project_id=2, kind="job", id="8")


class Changing:
    """A source of changes that the test controls."""

    def __init__(self) -> None:
        self.stamps: dict[ChangeEvent, str] = {}
        self.asked = 0
        self.broken = False

    async def sample(self, _projects: list[int]) -> Stamps:
        """Answer as the database would."""
        self.asked += 1
        if self.broken:
            raise OSError("the database is away")
        return dict(self.stamps)


async def test_change_reaches_its_project_only() -> None:
    changing, listeners = Changing(), ChangeSubscribers(every_s=0.01)
    changing.stamps = {JOB: "1"}
    heard: list[ChangeEvent | None] = []

    async def listen() -> None:
        async for change in listeners.listen(1, changing.sample, 5):
            heard.append(change)

    listening = asyncio.create_task(listen())
    await _until(lambda: changing.asked > 1)
    assert heard == []
    changing.stamps = {JOB: "2", FOREIGN: "1"}
    await _until(lambda: len(heard) == 1)
    changing.broken = True
    asked = changing.asked
    await _until(lambda: changing.asked > asked + 1)
    changing.broken = False
    changing.stamps = {JOB: "3", FOREIGN: "1"}
    await _until(lambda: len(heard) == 2)
    assert heard == [JOB, JOB]
    listeners.close()
    await asyncio.wait_for(listening, 2)


async def test_first_change_after_silence_is_told() -> None:
    changing, listeners = Changing(), ChangeSubscribers(every_s=0.01)
    stream = listeners.listen(1, changing.sample, 5)
    first = asyncio.ensure_future(anext(stream))
    await _until(lambda: changing.asked > 1)
    changing.stamps = {JOB: "1"}
    assert await asyncio.wait_for(first, 2) == JOB
    await stream.aclose()  # type: ignore[attr-defined]


async def test_silence_is_a_sign_of_life_and_nobody_listening_costs_nothing() -> None:
    changing, listeners = Changing(), ChangeSubscribers(every_s=0.01)
    stream = listeners.listen(1, changing.sample, 0.05)
    assert await anext(stream) is None
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.03)
    asked = changing.asked
    await asyncio.sleep(0.05)
    assert changing.asked == asked


async def _until(holds: object) -> None:
    assert callable(holds)
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)
