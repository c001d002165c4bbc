"""Three processes poll the same sources and are killed during runs: each file is imported once."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import Scene
from tests.support.faulty_cameras import Cameras
from tests.support.running_server import wait_for

CYCLES = sized(2_000, 40)
"""The limit of the time from when a source is due until its new files are imported."""
KILLS = sized(40, 5)
SOURCES = 20
AT_WORK = sized(12, 6)
FILES = 3
SCHEDULERS = 3
NEVER = "0 0 29 2 *"
"""A schedule that is never due during the test."""
DONE_WITHIN_S = 150.0
YOUNG = timedelta(seconds=4)
PROGRESS = """
    select s.name, count(f.path) filter (where f.state = 'imported'),
        (select count(*) from pull_runs r where r.source_id = s.id and r.state = 'running')
    from pull_sources s left join pulled_files f on f.source_id = s.id group by s.id, s.name
"""


@dataclass
class _Window:
    """The time from when a source is due until its new files are imported."""

    source: str
    opened_at: datetime
    closed_at: datetime | None = None


class _Polling:
    """Sources that are made due again after each import."""

    def __init__(self, scene: Scene, cameras: Cameras) -> None:
        self.scene, self.cameras = scene, cameras
        self.ids: dict[str, str] = {}
        self.open: dict[str, _Window] = {}
        self.windows: list[_Window] = []
        for number in range(SOURCES):
            name = f"camera-{number}"
            asked = {"name": name, "base_url": cameras.url_of(name), "deployment": scene.deployment}
            answer = scene.call(
                "POST", "/image-pull-sources", asked | {"schedule": NEVER, "max_files_per_run": 0}
            )
            assert answer.status_code == 201, answer.text
            self.ids[name] = answer.json()["id"]
        # The first run of a source is automatic. Just before a window, it would import its files.
        self.scene.ask(
            "update pull_sources set next_run_at = now() + interval '1 year'"
            " where id::text = any(%s) returning 1",
            list(self.ids.values()),
        )

    def open_window(self, source: str) -> None:
        """Add new files to a camera and make its source due."""
        number = sum(window.source == source for window in self.windows)
        for each in range(FILES):
            self.cameras.add(source, f"IMG_{number:04}_{each}.JPG")
        [(now,)] = self.scene.ask(
            "update pull_sources set next_run_at = clock_timestamp()"
            " where id = %s returning clock_timestamp()",
            self.ids[source],
        )
        self.open[source] = _Window(source, now)
        self.windows.append(self.open[source])

    def step(self, go_on: bool) -> None:
        """Close the windows whose files are imported, and open the next ones.

        Only a few sources are due at a time. Sources of a killed process wait until its heartbeat
        has expired.
        """
        rows = self.scene.ask(PROGRESS)
        [(now,)] = self.scene.ask("select clock_timestamp()")
        for source, imported, running in rows:
            window = self.open.get(source)
            if window is not None and imported == len(self.cameras.folders[source]) and not running:
                window.closed_at = now
                del self.open[source]
        at_work = sum(now - window.opened_at < YOUNG for window in self.open.values())
        resting = sorted(
            set(self.ids) - set(self.open), key=[window.source for window in self.windows].count
        )
        for source in resting[: max(0, AT_WORK - at_work)] if go_on else []:
            self.open_window(source)

    def count_closed(self) -> int:
        """Return the number of completed cycles."""
        return sum(window.closed_at is not None for window in self.windows)


def test_no_source_is_skipped_or_polled_twice_and_each_file_comes_once(
    make_scene: MakeScene, figures: Figures
) -> None:
    chance = make_chance("polling")
    with Cameras(slow_s=0.02) as cameras:
        scene = make_scene(
            failpoints=True, settings={"TRAPLINE_ALLOWED_NETWORKS": cameras.origin}
        ).start(images=1)
        for number in range(2, SCHEDULERS + 1):
            scene.add_background(number)
        polling = _Polling(scene, cameras)
        began, armed = time.monotonic(), 0
        while (
            (cycles := polling.count_closed()) < CYCLES
            or len(scene.list_strikes()) < KILLS
            or polling.open
        ):
            assert time.monotonic() - began < DONE_WITHIN_S * max(1, CYCLES / 200), (
                f"{cycles} cycles, {polling.open}"
            )
            struck = len(scene.list_strikes())
            if struck == armed < KILLS:
                armed += 1
                # Kill a process at a commit of a run, while it downloads files.
                scene.follow(f"{armed} before commit|chore pull_source|{chance.randint(2, 9)}|kill")
            polling.step(go_on=cycles < CYCLES or struck < KILLS)
            time.sleep(0.05)
        took = time.monotonic() - began
        _check(scene, polling, figures, took)


def _check(scene: Scene, polling: _Polling, figures: Figures, took: float) -> None:
    names = {source_id: name for name, source_id in polling.ids.items()}
    runs = scene.ask(
        "select source_id::text, trigger, state, started_at, imported, duplicate, failed,"
        " coalesce(finished_at, clock_timestamp()) from pull_runs"
    )
    skipped = twice = 0
    for window in polling.windows:
        assert window.closed_at is not None
        # A run may start in a transaction that began just before its source became due. No run is
        # in progress when a window opens, so a run that overlaps a window belongs to it.
        begun = [
            run
            for run in runs
            if names[run[0]] == window.source
            and run[1] == "schedule"
            and run[3] <= window.closed_at
            and run[7] >= window.opened_at
        ]
        skipped += not begun
        twice += len(begun) > 1
    expected = sum(len(files) for files in polling.cameras.folders.values())
    [(images, paths)] = scene.ask(
        "select count(*), count(distinct (source_id, source_path))"
        " from images where source_id is not null"
    )
    ledger = dict(scene.ask("select state, count(*) from pulled_files group by 1"))
    interrupted = sum(run[2] == "interrupted" for run in runs)
    struck = scene.list_strikes()
    closed = polling.count_closed()
    seen = f"{SCHEDULERS}; {closed} of {SOURCES} sources; {len(struck)} in {took:.0f} s"
    figures.add(
        "P19", "schedulers; cycles; killed mid-run", f"{SCHEDULERS}; {CYCLES}; {KILLS}", seen
    )
    figures.add(
        "P19",
        "windows skipped, polled twice",
        "0, 0",
        f"{skipped}, {twice} of {len(polling.windows)}",
    )
    figures.add(
        "P19",
        "files; lost, doubled",
        f"{expected}; 0, 0",
        f"{images}; {expected - paths}, {images - paths}",
    )
    assert (skipped, twice) == (0, 0)
    assert (images, paths, ledger) == (expected, expected, {"imported": expected})
    assert sum(run[4] for run in runs) == expected, "the counts of the runs match the files"
    assert sum(run[5] + run[6] for run in runs) == 0
    assert len(struck) >= KILLS, "too few faults were injected for a valid test"
    assert all(strike["doing"] == "chore pull_source" for strike in struck)
    assert interrupted >= KILLS / 2, "too few runs were interrupted for a valid test"
    wait_for(
        "the end of all runs",
        lambda: not scene.ask("select 1 from pull_runs where state = 'running'"),
    )
