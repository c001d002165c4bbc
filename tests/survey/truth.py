"""The generator of the survey: one seed gives one truth, a JSON document about every image file.

`build_truth` draws places, cameras, visits, files, the results of two pipelines in two versions,
and the decisions of three reviewers. It writes no file. `pictures.write_files` draws the image
files and adds their digests to the truth.

The document has these parts. Every time is RFC 3339 in UTC; every box is [x1, y1, x2, y2] in
upright pixels.

- `taxa`, `labels`: the taxon list, and the scientific name of each label of a model.
- `deployments`: place, time zone, clock offset, camera, and how its files arrive (`web`, `ftp`,
  `cli`, `api`).
- `files`: path on the card, the camera's local time, the drawn objects, the damage of the file,
  the poll (1 or 2) in which it arrives, and `fate`: `stored`, `duplicate` (the same bytes as
  another file of the deployment) or `refused`.
- `runs`: pipelines in the order in which they run, and the findings of each in each file.
- `mistaken`: files in which the newest model takes an animal for a person.
- `phases`: the settings of the observations, one after the other.
- `decisions`: identifications, and boxes that people draw, in their order.
"""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.survey.decisions import draw_decisions
from tests.survey.fauna import CAMERAS, ODD_NAMES, PERSON, PLACES, SPECIES, UNMAPPED, VEHICLE
from tests.survey.model_output import PHASES, draw_runs

FIRST_DAY = date(2025, 4, 28)
WIDTH, HEIGHT = 320, 240
ARRIVALS = ("web", "web", "ftp", "cli", "api")
ZONES = (
    "Europe/Berlin",
    "America/Edmonton",
    "Africa/Johannesburg",
    "Asia/Kathmandu",
    "Pacific/Auckland",
)


@dataclass(frozen=True)
class Size:
    """The number of deployments and image files of a survey, and its number of days."""

    deployments: int
    files: int
    days: int


SIZES = {
    "tiny": Size(2, 30, 4),
    "small": Size(5, 150, 6),
    "medium": Size(12, 2_000, 60),
    "large": Size(100, 60_000, 365),
}


def build_truth(size: str, seed: int) -> dict[str, Any]:
    """Build the truth of a size from a seed; the same seed gives the same truth."""
    chance = random.Random(f"{size} {seed}")
    wanted = SIZES[size]
    deployments = [_build_deployment(number, chance) for number in range(wanted.deployments)]
    files: list[dict[str, Any]] = []
    for number, deployment in enumerate(deployments):
        share = (
            wanted.files * (number + 1) // wanted.deployments
            - wanted.files * number // wanted.deployments
        )
        files += _Card(deployment, chance, len(files)).fill(share, wanted.days)
    truth: dict[str, Any] = {
        "size": size,
        "seed": seed,
        "sequence_gap_s": 120,
        "taxa": [
            {name: value for name, value in one.items() if name != "colour"} | {"label": label}
            for label, one in SPECIES.items()
        ],
        "labels": {label: one["scientific_name"] for label, one in SPECIES.items()},
        "deployments": deployments,
        "files": files,
        "phases": PHASES,
    }
    truth["runs"] = draw_runs(truth, chance)
    truth["decisions"] = draw_decisions(truth, chance)
    return truth


def _build_deployment(number: int, chance: random.Random) -> dict[str, Any]:
    if number < len(PLACES):
        place = dict(PLACES[number])
    else:
        place = {
            "name": f"Site {number + 1:03}",
            "latitude": round(chance.uniform(-50, 60), 5),
            "longitude": round(chance.uniform(-120, 150), 5),
            "time_zone": ZONES[number % len(ZONES)],
            "clock_offset_s": chance.choice([0, 0, 0, 30, -7200]),
        }
    return {
        "key": f"D{number + 1}",
        **place,
        "camera": CAMERAS[number % len(CAMERAS)],
        "arrives": ARRIVALS[number % len(ARRIVALS)],
        "root": f"card{number + 1}",
    }


class _Card:
    """The memory card of a deployment: visits over some days, by the clock of its camera."""

    def __init__(
        self, deployment: dict[str, Any], chance: random.Random, first_number: int
    ) -> None:
        self._deployment, self._chance = deployment, chance
        self._zone = ZoneInfo(deployment["time_zone"])
        self._offset = timedelta(seconds=deployment["clock_offset_s"])
        self._first = first_number
        self._odd = [
            name for name in ODD_NAMES if deployment["arrives"] != "ftp" or '"' not in name
        ]

    def fill(self, count: int, days: int) -> list[dict[str, Any]]:
        """Fill the card; the last few files are the damaged, late, replaced and duplicate ones."""
        special = 8 if count >= 25 else 0
        visits: list[list[datetime]] = []
        at_night = 0
        left = count - special
        while left:
            frames = min(left, self._chance.choice([1, 1, 2, 3, 5]))
            at_night += 1
            visits.append(self._draw_visit(frames, days, night=at_night % 3 == 0))
            left -= frames
        visits.sort(key=lambda times: times[0])
        files: list[dict[str, Any]] = []
        # Overlapping visits would be one sequence; each starts at least ten minutes after the one
        # before.
        earliest = None
        for times in visits:
            if earliest is not None and times[0] < earliest:
                times = [one + (earliest - times[0]) for one in times]
            earliest = times[-1] + timedelta(minutes=10)
            scene = self._draw_scene()
            for frame, local in enumerate(times):
                files.append(
                    self._build_file(len(files), local, scene if frame == 0 else self._move(scene))
                )
        if special:
            self._damage(files, earliest or datetime.combine(FIRST_DAY, time()))
        return files

    def _draw_visit(self, frames: int, days: int, *, night: bool) -> list[datetime]:
        hour = (
            self._chance.choice([22, 23, 0, 1, 3])
            if night
            else self._chance.choice([6, 9, 12, 17, 19])
        )
        start = datetime.combine(
            FIRST_DAY + timedelta(days=self._chance.randrange(days)),
            time(hour, self._chance.randrange(40)),
        ) + timedelta(seconds=self._chance.randrange(60))
        times = [start]
        for _ in range(frames - 1):
            times.append(times[-1] + timedelta(seconds=self._chance.choice([1, 2, 10, 45])))
        return times

    def _draw_scene(self) -> list[dict[str, Any]]:
        chance = self._chance
        drawn = chance.random()
        if drawn < 0.22:
            names: list[str] = []
        elif drawn < 0.30:
            names = [PERSON]
        elif drawn < 0.33:
            names = [VEHICLE]
        elif drawn < 0.36:
            names = [UNMAPPED]
        elif drawn < 0.46:
            names = chance.sample(sorted(SPECIES), 2)
        else:
            names = [chance.choice(sorted(SPECIES))] * chance.choice([1, 1, 1, 2])
        # The two positions do not overlap, so that the boxes of two objects are not taken for one.
        places = [(20, 20), (180, 90)]
        return [
            {
                "class": name,
                "box": [x, y, x + chance.randrange(60, 110), y + chance.randrange(50, 90)],
            }
            for name, (x, y) in zip(names, places, strict=False)
        ]

    def _move(self, scene: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shift = self._chance.randrange(-8, 9)
        return [
            {
                **one,
                "box": [one["box"][0] + shift, one["box"][1], one["box"][2] + shift, one["box"][3]],
            }
            for one in scene
        ]

    def _build_file(
        self, index: int, local: datetime, scene: list[dict[str, Any]]
    ) -> dict[str, Any]:
        camera, chance = self._deployment["camera"], self._chance
        # Some images are stored rotated. Portrait images have only the objects of the left half.
        orientation = chance.choice([1, 1, 1, 1, 1, 3, 6, 8])
        portrait = orientation in (6, 8)
        odd = self._odd[index // 2] if index % 2 and index // 2 < len(self._odd) else None
        # Each folder starts again with the file names of the first.
        card, within = divmod(index, 12)
        folder = camera["folder"].format(card=card % 100)
        number = self._first + index
        return {
            "id": f"F{number:06}",
            "number": number,
            "deployment": self._deployment["key"],
            "path": f"{folder}/{odd or camera['file'].format(index=within + 1)}",
            "width": HEIGHT if portrait else WIDTH,
            "height": WIDTH if portrait else HEIGHT,
            "orientation": orientation,
            "camera_time": local.isoformat(),
            "in_exif": True,
            "night": not 6 <= local.hour < 21,
            "objects": [one for one in scene if not portrait or one["box"][2] < HEIGHT],
            "captured_at": self._to_utc(local).isoformat(),
            "dated_by": "exif",
            "flags": [],
            "poll": 1,
            "fate": "stored",
        }

    def _to_utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self._zone).astimezone(UTC) + self._offset

    def _damage(self, files: list[dict[str, Any]], later: datetime) -> None:
        arrives = self._deployment["arrives"]
        pulled = arrives in ("web", "ftp")

        def add(scene: list[dict[str, Any]] | None = None) -> dict[str, Any]:
            nonlocal later
            later += timedelta(minutes=30)
            one = self._build_file(
                len(files), later.replace(second=0), self._draw_scene() if scene is None else scene
            )
            files.append(one)
            return one

        # After a battery failure, a camera starts its clock in 2000, or writes no time at all.
        reset = add()
        local = datetime.combine(date(2000, 1, 1), time(0, 5))
        reset |= {"camera_time": local.isoformat(), "captured_at": self._to_utc(local).isoformat()}
        reset |= {"flags": ["clock_reset"], "night": True}
        undated = add()
        undated |= {"in_exif": False, "dated_by": "modified_time", "flags": ["time_from_file"]}
        undated["captured_at"] = later.replace(second=0, tzinfo=UTC).isoformat()
        truncated = add()
        truncated |= {"fate": "refused", "damage": "truncated"}
        login = add()
        login |= {"fate": "refused", "damage": "html"}
        copy = add()
        original = files[3]
        folder = copy["path"].rpartition("/")[0]
        for name in original.keys() - {"id", "path"}:
            copy[name] = original[name]
        copy |= {"path": f"{folder}/copy of it.JPG", "fate": "duplicate", "of": original["id"]}
        late = add()
        late["path"] = late["path"].rpartition("/")[0] + "/A0000001.JPG"
        late["poll"] = 2 if pulled else 1
        replaced = add()
        if pulled:
            replaced |= {"path": files[6]["path"], "poll": 2, "replaces": files[6]["id"]}
        two = add(
            [
                {"class": name, "box": box}
                for name, box in zip(
                    ("roe deer", "red_fox"), ([15, 20, 95, 90], [120, 110, 210, 180]), strict=True
                )
            ]
        )
        two["night"] = True
