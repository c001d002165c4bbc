"""Lists of images with random filters and orders, compared with an independent calculation."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import analyse, box

from trapline.server.platform.app_context import AppContext

IMAGES = 24
CLASSES = ("fox", "deer", "lynx")
ZONES = ("UTC", "Asia/Tokyo", "America/New_York")


@dataclass
class Known:
    """The known state of an image."""

    id: str
    at: datetime
    zone: str
    found: dict[str, float] = field(default_factory=dict)
    """The confidence of each class; empty for a blank image."""
    analysed: bool = False
    stated: str | None = None
    """The class that a person stated, or blank."""
    commented: bool = False

    @property
    def is_human(self) -> bool:
        return self.stated is not None

    @property
    def rows(self) -> dict[str, float | None]:
        """The names with their confidences; None for those that a person stated."""
        if self.stated is not None:
            return {self.stated: None}
        if not self.analysed:
            return {}
        return dict(self.found) or {"blank": None}

    @property
    def hour(self) -> int:
        return self.at.astimezone(ZoneInfo(self.zone)).hour

    @property
    def day(self) -> str:
        return self.at.astimezone(ZoneInfo(self.zone)).date().isoformat()

    @property
    def least(self) -> float | None:
        return min((score for score in self.rows.values() if score), default=None)

    def matches(self, wanted: dict[str, Any]) -> bool:
        return all(self._meets(name, value) for name, value in wanted.items()) and any(
            self._fits(name, score, wanted) for name, score in (self.rows or {"": None}).items()
        )

    def _meets(self, name: str, value: Any) -> bool:
        if name == "commented":
            return self.commented is value
        if name == "hours":
            first, end = value
            hours = range(first, end if end > first else end + 24)
            return self.hour in [hour % 24 for hour in hours]
        return True

    def _fits(self, name: str, score: float | None, wanted: dict[str, Any]) -> bool:
        """Whether one observed name meets all conditions on names."""
        if "class" in wanted and name != wanted["class"]:
            return False
        if "source" in wanted and (
            not self.rows or self.is_human is not (wanted["source"] == "human")
        ):
            return False
        if "blank" in wanted and (not self.rows or (name == "blank") is not wanted["blank"]):
            return False
        least, most = wanted.get("confidence_min"), wanted.get("confidence_max")
        is_sure = self.is_human or (score is not None and score >= (least or 0))
        if least is not None and not is_sure and not (self.rows and least == 0):
            return False
        if most is not None:
            is_below = score is not None and score <= most
            if not (is_below or (most == 1 and self.is_human)):
                return False
        return True


async def make_known(project: Field, rng: random.Random) -> list[Known]:
    known = []
    start = datetime(2026, 6, 1, tzinfo=UTC)
    for image in project.images:
        at = start + timedelta(minutes=rng.randrange(3 * 24 * 60))
        one = Known(str(image), at, rng.choice(ZONES))
        await project.change(
            "update images set captured_at = %s, time_zone = %s where id = %s",
            one.at, one.zone, image,
        )  # fmt: skip
        known.append(one)
    for one in known:
        if rng.random() < 0.85:
            one.analysed = True
            names = rng.sample(CLASSES, rng.choice((0, 1, 1, 2)))
            one.found = {name: rng.choice((0.25, 0.5, 0.75, 0.9)) for name in names}
            await analyse(
                project,
                UUID(one.id),
                *(
                    box(3000 * number, class_name=name, confidence=score)
                    for number, (name, score) in enumerate(one.found.items())
                ),
            )
        said: list[dict[str, Any]] = []
        if rng.random() < 0.3:
            one.stated = rng.choice(("fox", "blank"))
            taxon = (
                {"kind": "blank"} if one.stated == "blank" else {"kind": "correct", "label": "fox"}
            )
            said.append(taxon)
        if rng.random() < 0.3:
            one.commented = True
            said.append({"kind": "comment", "comment": "a tail"})
        for each in said:
            answer = await project.call(
                "POST", "/identifications", {"identifications": [{**each, "images": [one.id]}]}
            )
            assert answer.status_code == 201, answer.text
    return known


def sort(known: list[Known], order: str, seed: int) -> list[str]:
    newest = sorted(known, key=lambda one: (one.at, one.id), reverse=True)
    if order == "captured_at":
        newest.reverse()
    if order == "least_certain":
        certain = sorted((one for one in known if one.least), key=lambda one: (one.least, one.id))
        newest = certain + [one for one in newest if not one.least]
    if order == "random":
        start = md5(str(seed).encode()).hexdigest()[:8]
        key = {one.id: md5(one.id.encode()).hexdigest()[:8] for one in known}
        newest = sorted(known, key=lambda one: (key[one.id] < start, key[one.id], one.id))
    return [one.id for one in newest]


def choose(rng: random.Random) -> dict[str, Any]:
    """Choose up to three conditions."""
    first, end = rng.randrange(24), rng.randrange(25)
    values: dict[str, Any] = {
        "class": rng.choice(CLASSES),
        "source": rng.choice(("human", "model")),
        "blank": rng.random() < 0.3,
        "confidence_min": rng.choice((0.0, 0.3, 0.6, 0.9)),
        "confidence_max": rng.choice((0.3, 0.6, 0.9, 1.0)),
        "commented": rng.random() < 0.5,
        "hours": (first, end),
    }
    names = rng.sample(sorted(values), rng.choice((0, 1, 1, 2, 3)))
    return {name: values[name] for name in names}


def format_query(wanted: dict[str, Any]) -> str:
    parts = []
    for name, value in wanted.items():
        if name == "hours":
            parts += [f"hour_from={value[0]}", f"hour_to={value[1]}"]
        else:
            parts.append(f"{name}={str(value).lower()}")
    return "&".join(parts)


async def walk(project: Field, query: str, limit: int) -> list[str]:
    """List the IDs of all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        path = f"/images?project={project.project}&limit={limit}&{query}{cursor}"
        answer = await project.call("GET", path)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [one["id"] for one in page["results"]]
        if page["next"] is None:
            assert page["count"] == len(found)
            return found
        cursor = f"&cursor={page['next']}"


async def test_lists_days_and_neighbours_agree_with_what_images_show(system: AppContext) -> None:
    rng = random.Random(1)
    project = await make_field(system, IMAGES)
    known = await make_known(project, rng)
    for number in range(40):
        wanted = choose(rng)
        order = rng.choice(("-captured_at", "captured_at", "least_certain", "random"))
        seed = rng.randrange(1000)
        matching = [one for one in known if one.matches(wanted)]
        expected = sort(matching, order, seed)
        query = format_query(wanted)
        ordered = f"{query}&order={order}&seed={seed}"
        assert await walk(project, ordered, rng.choice((1, 5, 50))) == expected, ordered
        days = (await project.call("GET", f"/images/days?project={project.project}&{query}")).json()
        counted = {one["day"]: one["images"] for one in days["results"]}
        assert counted == {
            day: sum(one.day == day for one in matching) for day in {one.day for one in matching}
        }, query
        if number % 4:
            continue
        whole = sort(known, order, seed)
        for image in rng.sample(known, 3):
            detail = (await project.call("GET", f"/images/{image.id}?{ordered}")).json()
            place = whole.index(image.id)
            before = [one for one in whole[:place] if one in expected]
            after = [one for one in whole[place + 1 :] if one in expected]
            assert detail["previous_id"] == (before[-1] if before else None), ordered
            assert detail["next_id"] == (after[0] if after else None), ordered


async def test_parameters_of_lists_are_checked(system: AppContext) -> None:
    project = await make_field(system, 2)
    path = f"/images?project={project.project}&"
    for query in (
        "hour_from=24", "hour_from=-1", "hour_to=25", "hour_from=noon", "confidence_max=1.5",
        "confidence_max=nan", "commented=maybe", "order=newest", "seed=-1", "seed=2147483648",
        "order=random&skip=1",
    ):  # fmt: skip
        assert (await project.call("GET", path + query)).status_code == 422, query
    # A cursor of another order is refused or gives a page, and is never an error of the server.
    cursors = [
        (await project.call("GET", f"{path}limit=1&order={order}")).json()["next"]
        for order in ("captured_at", "least_certain", "random")
    ]
    for order in ("captured_at", "least_certain", "random"):
        for cursor in [*cursors, "W10", "WzksICJhIiwgImIiXQ", "WzAsIE5hTiwgMV0"]:
            answer = await project.call("GET", f"{path}order={order}&cursor={cursor}")
            assert answer.status_code in (200, 400), answer.text
