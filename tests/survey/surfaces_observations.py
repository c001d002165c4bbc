"""Compare the lists and counts of observations with the oracle: API, command line and client."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from tests.survey.oracle import ShownName
from tests.survey.oracle_images import SeenImage
from tests.survey.oracle_observations import Observation
from tests.survey.surfaces import Surfaces
from trapline.client import Table, iterate

Row = tuple[Any, ...]
GROUPINGS = ("name", "kind", "source", "deployment", "day", "month", "hour", "person")
DETAILS = ("count", "sex", "life_stage", "behaviour", "individual_id")


class ObservationSurfaces:
    """The observations of a survey."""

    def __init__(self, surfaces: Surfaces) -> None:
        self.surfaces, self.survey = surfaces, surfaces.survey
        self.oracle, self.table = surfaces.oracle, surfaces.table
        self._subjects: dict[str, Row] = {}

    def compare_list(self) -> None:
        """Compare every observation: its subject, name, details, source and need of review."""
        self._read_subjects()
        found = self.surfaces.get_all("/observations", project=self.survey.project)
        expected = [
            (image, one)
            for image in self.oracle.images.values()
            for one in self.oracle.observe(image)
        ]
        for what in ("names", "details", "sources", "needs review"):
            self.table.compare(
                "observations",
                what,
                Counter((image.key, self._expect(one)[what]) for image, one in expected),
                Counter((self.surfaces.key_of(one["image_id"]), self._read(one)[what])
                        for one in found),
            )  # fmt: skip
        page = self.surfaces.get("/observations", project=self.survey.project, limit=1)
        self.table.compare("observations", "count", len(expected), page["count"])

    def compare_filters(self) -> None:
        """Compare the list of observations under each filter."""
        for query, wanted in self._list_filters().items():
            expected = Counter(
                image.key
                for image in self.oracle.images.values()
                for one in self.oracle.observe(image)
                if wanted(one)
            )
            found = self.surfaces.get_all(
                "/observations", project=self.survey.project, **self._ask(query)
            )
            self.table.compare(
                "observations",
                query,
                expected,
                Counter(self.surfaces.key_of(one["image_id"]) for one in found),
            )

    def compare_groups(self) -> None:
        """Compare the counts of groups, also under filters."""
        conditions = self.oracle.list_conditions()
        queries = ["", "kind=animal", "needs_review=true", "needs_review=false", "class=Lynx lynx"]
        queries += ["taxon=Sus scrofa", "kind=blank"]
        queries += [f"identified_by={name}" for name in sorted(self.survey.people)]
        for query in queries:
            name, _, value = query.partition("=")
            for by in GROUPINGS:
                by_person = by == "person"
                chosen = [
                    (image, one)
                    for image in self.oracle.images.values()
                    for one in (
                        self.oracle.list_names_by_person(image)
                        if by_person
                        else self.oracle.list_names(image)
                    )
                    if not query
                    or (one.name == value if name in ("class", "taxon") else conditions[query](one))
                ]
                asked = {"by": by, **self._ask(query)}
                groups = self.surfaces.get(
                    "/observations/groups", project=self.survey.project, **asked
                )["groups"]
                self.table.compare(
                    "groups of observations",
                    f"by {by} of {query or 'all'}",
                    self._count(by, chosen),
                    {
                        one["key"]: (one["images"], one["individuals"], one["needs_review"])
                        for one in groups
                    },
                )

    def _count(self, by: str, chosen: list[tuple[SeenImage, ShownName]]) -> dict[str, Row]:
        """Count images, individuals and images that need review, by group."""
        groups: dict[str, list[tuple[SeenImage, ShownName]]] = {}
        for image, one in chosen:
            for key in self._list_keys(by, image, one):
                groups.setdefault(key, []).append((image, one))
        return {
            key: (
                len({image.key for image, _ in of_group}),
                sum(one.count for _, one in of_group),
                len({image.key for image, one in of_group if one.needs_review}),
            )
            for key, of_group in groups.items()
        }

    def _list_keys(self, by: str, image: SeenImage, one: ShownName) -> list[str]:
        if by == "person":
            return [f"user:{self.survey.people[name]}" for name in one.people] or [""]
        return [
            {
                "name": one.name,
                "kind": one.kind,
                "source": "human" if one.is_human else "model",
                "deployment": str(self.survey.deployments[image.deployment["key"]]),
                "day": image.local.date().isoformat(),
                "month": image.local.strftime("%Y-%m"),
                "hour": image.local.strftime("%H"),
            }[by]
        ]

    def compare_commands(self) -> None:
        """Compare what `trapline observations` and the Python client list and count."""
        listed = self.surfaces.run("observations", "list", "--limit", "5000")
        expected = Counter(
            (image.key, one.kind, one.name)
            for image in self.oracle.images.values()
            for one in self.oracle.observe(image)
        )
        self.table.compare(
            "CLI",
            "observations list",
            expected,
            Counter(
                (self.surfaces.key_of(one["image_id"]), one["kind"], one["name"]) for one in listed
            ),
        )
        counted = self.surfaces.run("observations", "count", "--by", "month")
        chosen = [
            (image, one)
            for image in self.oracle.images.values()
            for one in self.oracle.list_names(image)
        ]
        self.table.compare(
            "CLI",
            "observations count",
            self._count("month", chosen),
            {one["key"]: (one["images"], one["individuals"], one["needs_review"])
             for one in counted["groups"]},
        )  # fmt: skip
        pages = iterate(self.survey.owner.list_observations, project=self.survey.project)
        frame = Table(pages).to_pandas()
        found = Counter(
            (self.surfaces.key_of(image), str(kind), name)
            for image, kind, name in zip(
                frame["image_id"], frame["kind"], frame["name"], strict=True
            )
        )
        self.table.compare("client", "table of observations", expected, found)

    def compare_withdrawals(self) -> None:
        """Compare the observations before an identification and after its withdrawal."""
        for key, (before, after) in sorted(self.survey.withdrawn.items()):
            self.table.compare("withdrawn", key, before, after)

    def _read_subjects(self) -> None:
        """Read the run and the corners of each box, by the ID of its annotation."""
        for one in self.surfaces.get_all(
            "/annotations", project=self.survey.project, type="bounding_box"
        ):
            corners = (one["data"][edge] for edge in ("x_min", "y_min", "x_max", "y_max"))
            self._subjects[one["id"]] = (one["model_name"], one["model_version"], *corners)

    def _name_run(self, key: str | None) -> tuple[str | None, str | None]:
        run = next((one for one in self.survey.truth["runs"] if one["key"] == key), None)
        return (None, None) if run is None else (run["pipeline"], run["version"])

    def _expect(self, one: Observation) -> dict[str, Row]:
        model, version = self._name_run(one.subject[0] if one.subject is not None else None)
        named_by = self._name_run(one.run) if one.kind != "blank" else (None, None)
        return {
            "names": (
                one.kind,
                one.name,
                one.label,
                None if one.box is None else (model, version, *one.box),
            ),
            "details": tuple(getattr(one, name) for name in DETAILS),
            "sources": (
                "human" if one.said is not None else "model", one.by, one.confidence, *named_by
            ),
            "needs review": (one.name, one.needs_review),
        }  # fmt: skip

    def _read(self, one: dict[str, Any]) -> dict[str, Row]:
        # Any of the analyses that found nothing may be the one of a blank image.
        is_blank = one["kind"] == "blank"
        key = one["annotation_id"]
        return {
            "names": (
                one["kind"],
                one["name"],
                one["label"],
                None if key is None else self._subjects.get(key, (key,)),
            ),
            "details": tuple(one[name] for name in DETAILS),
            "sources": (
                one["source"],
                one["identified_by"],
                one["confidence"],
                None if is_blank else one["model_name"],
                None if is_blank else one["model_version"],
            ),
            "needs review": (one["name"], one["needs_review"]),
        }

    def _ask(self, query: str) -> dict[str, str]:
        return self.surfaces.replace_names(dict(parse_qsl(query)))

    def _list_filters(self) -> dict[str, Callable[[Observation], bool]]:
        filters: dict[str, Callable[[Observation], bool]] = {
            "source=human": lambda one: one.said is not None,
            "source=model": lambda one: one.said is None,
            "needs_review=true": lambda one: one.needs_review,
            "needs_review=false": lambda one: not one.needs_review,
            "count_min=2": lambda one: (one.count or 0) >= 2,
            "class=Lynx lynx": lambda one: one.name == "Lynx lynx",
            "class=lynx&source=human": lambda one: one.name == "Lynx lynx" and one.said is not None,
            "class=lynx&needs_review=true": lambda one: (
                one.name == "Lynx lynx" and one.needs_review
            ),
            "taxon=Canis vulpes": lambda one: one.name == "Vulpes vulpes",
        }
        for kind in ("animal", "human", "vehicle", "blank", "unknown"):
            filters[f"kind={kind}"] = partial(lambda kind, one: one.kind == kind, kind)
        for person in sorted(self.survey.people):
            filters[f"identified_by={person}"] = partial(
                lambda person, one: one.by == person, person
            )
        return filters
