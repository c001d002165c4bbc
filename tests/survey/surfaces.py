"""Compare the surfaces of a running survey with the oracle: grid, figures, commands and client."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx2

from tests.survey.comparison import Comparison
from tests.survey.driver import PROJECT, PULLED, Survey, list_images
from tests.survey.known_differences import is_missing_known
from tests.survey.oracle import Oracle, is_any
from tests.survey.oracle_images import SeenImage

API = "/api/v2"


class Surfaces:
    """The surfaces of a survey, read with HTTP, the command line and the Python client."""

    def __init__(self, survey: Survey, oracle: Oracle, table: Comparison) -> None:
        self.survey, self.oracle, self.table = survey, oracle, table
        self.keys = {str(image): key for key, image in survey.images.items()}
        self.session = httpx2.Client(base_url=survey.server.base_url, trust_env=False, timeout=60)
        self.session.headers["Authorization"] = f"Bearer {survey.server.token}"

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def get(self, path: str, **query: Any) -> Any:
        """Get a document from the API."""
        answer = self.session.get(API + path, params=query)
        assert answer.status_code == 200, f"{path} {query}: {answer.status_code} {answer.text}"
        return answer.json()

    def get_all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Get every page of a list."""
        found: list[dict[str, Any]] = []
        page = self.get(path, limit=1000, **query)
        found += page["results"]
        while page["next"]:
            page = self.get(path, limit=1000, cursor=page["next"], **query)
            found += page["results"]
        return found

    def key_of(self, image_id: Any) -> str:
        """Return the key of an image in the truth, or its ID if the truth does not have it."""
        return self.keys.get(str(image_id), f"unknown image {image_id}")

    def compare_files(self) -> None:
        """Compare the outcome of each file of the sources and uploads."""
        for one in self.survey.truth["files"]:
            if is_missing_known(self.arrival_of(one), one):
                what = f"{self.arrival_of(one)} stores {one['path'].rpartition('/')[2]!a}"
                self.table.compare("files", what, True, one["id"] in self.survey.images)
        for deployment in self.survey.truth["deployments"]:
            key, expected = deployment["key"], self.oracle.count_files(deployment["key"])
            what = f"{deployment['arrives']} {key}"
            if deployment["arrives"] in PULLED:
                files = self.get_all(f"/image-pull-sources/{self.survey.sources[key]}/files")
                states = Counter(one["state"] for one in files)
                # A path whose file was replaced is one row of the file history, and two images.
                replaced = sum("replaces" in one for one in self.survey.of_deployment(key))
                refused = sum(states[name] for name in ("seen", "failed", "quarantined", "skipped"))
                actual = {
                    "imported": states["imported"] + replaced,
                    "duplicate": states["duplicate"],
                    "refused": refused,
                }
                self.table.compare(
                    "files",
                    what,
                    expected,
                    {name: count for name, count in actual.items() if count},
                )
            else:
                self.table.compare("files", what, expected, dict(Counter(self.survey.uploads[key])))

    def arrival_of(self, file: dict[str, Any]) -> str:
        """Return the way of arrival of a file."""
        return str(
            next(
                one for one in self.survey.truth["deployments"] if one["key"] == file["deployment"]
            )["arrives"]
        )

    def compare_images(self) -> None:
        """Compare the fields of each image; names are compared for each way of arrival."""
        oracle, images = self.oracle, self.oracle.images
        shown = {
            self.key_of(one["id"]): one
            for one in self.get_all("/images", project=self.survey.project)
        }
        for arrival in sorted({self.arrival_of(one.file) for one in images.values()}):
            names = {
                key: one.name for key, one in images.items() if self.arrival_of(one.file) == arrival
            }
            actual = {key: shown[key]["filename"] for key in names if key in shown}
            self.table.compare("API images", f"filename ({arrival})", names, actual)
        fields: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "deployment_name": (
                {key: one.deployment["name"] for key, one in images.items()},
                {key: one["deployment_name"] for key, one in shown.items()},
            ),
            "width and height": (
                {key: (one.file["width"], one.file["height"]) for key, one in images.items()},
                {key: (one["width"], one["height"]) for key, one in shown.items()},
            ),
            "sha256": (
                {key: one.file["sha256"] for key, one in images.items()},
                {key: one["sha256"] for key, one in shown.items()},
            ),
            "reviewed": (
                {key: oracle.is_reviewed(one) for key, one in images.items()},
                {key: one["reviewed"] for key, one in shown.items()},
            ),
            "classes": (
                {key: sorted(oracle.list_classes(one)) for key, one in images.items()},
                {key: sorted(one["classes"]) for key, one in shown.items()},
            ),
            "boxes of tiles": (
                {key: self._list_boxes(one) for key, one in images.items()},
                {
                    key: Counter(
                        (
                            box["class_name"],
                            box["confidence"],
                            *(box[edge] for edge in ("x_min", "y_min", "x_max", "y_max")),
                        )
                        for box in one["boxes"]
                    )
                    for key, one in shown.items()
                },
            ),
            "captured_at": (
                {key: one.captured_at for key, one in images.items()},
                {key: datetime.fromisoformat(one["captured_at"]) for key, one in shown.items()},
            ),
            "captured_at_source": (
                {key: one.file["dated_by"] for key, one in images.items()},
                {key: one["captured_at_source"] for key, one in shown.items()},
            ),
            "is flagged": (
                {key: bool(one.file["flags"]) for key, one in images.items()},
                {key: bool(one["flags"]) for key, one in shown.items()},
            ),
        }
        for what, (expected, actual) in fields.items():
            self.table.compare("API images", what, expected, actual)

    def _list_boxes(self, image: SeenImage) -> Counter[tuple[Any, ...]]:
        return Counter(
            (one.name or None, one.confidence, *one.box)
            for one in self.oracle.observe(image)
            if one.box is not None
        )

    def compare_grid(self) -> None:
        """Compare the list of images under each filter, and its count."""
        for query, wanted in self.oracle.list_filters().items():
            asked = self.replace_names(dict(parse_qsl(query)))
            expected = sorted(self.oracle.filter_images(wanted))
            shown = self.get_all("/images", project=self.survey.project, **asked)
            self.table.compare(
                "grid",
                query or "all images",
                expected,
                sorted(self.key_of(one["id"]) for one in shown),
            )
            count = self.get("/images", project=self.survey.project, limit=1, **asked)
            self.table.compare("grid count", query or "all images", (len(expected), False),
                               (count["count"], count["count_is_estimate"]))  # fmt: skip

    def replace_names(self, asked: dict[str, str]) -> dict[str, str]:
        """Replace the names of taxa, deployments and people in a filter by their IDs."""
        known: dict[str, Mapping[str, UUID]] = {
            "taxon": self.survey.taxa,
            "deployment": self.survey.deployments,
            "identified_by": self.survey.people,
        }
        return {
            name: str(known[name][value]) if name in known else value
            for name, value in asked.items()
        }

    def compare_figures(self) -> None:
        """Compare facets, the summary and the counts of days."""
        classes = {
            one["class_name"]: one["images"]
            for one in self.get("/images/classes", project=self.survey.project)["results"]
        }
        self.table.compare("facets", "images by class", self.oracle.count_classes(), classes)
        summary = self.get("/summary", project=self.survey.project)
        images = self.oracle.images.values()
        self.table.compare("summary", "images", len(images), summary["images"])
        self.table.compare(
            "summary",
            "blank",
            sum(self.oracle.is_blank(one) is True for one in images),
            summary["blank"],
        )
        days = {one["day"]: one["images"] for one in summary["days"]}
        self.table.compare("summary", "images by day", self.oracle.count_days(), days)
        blank = {one["day"]: one["blank"] for one in summary["days"] if one["blank"]}
        self.table.compare("summary", "blank by day", self.oracle.count_blank_days(), blank)
        self.table.compare("summary", "images by hour", self.oracle.count_hours(), summary["hours"])
        self.table.compare(
            "summary",
            "images by class",
            self.oracle.count_classes(),
            {one["class_name"]: one["images"] for one in summary["classes"]},
        )
        self.table.compare(
            "summary",
            "images by deployment",
            self.oracle.count_deployments(),
            {one["name"]: one["images"] for one in summary["deployments"]},
        )
        for name in [None, *self.oracle.list_class_names()]:
            chosen = [
                one for one in images if name is None or name in self.oracle.list_classes(one)
            ]
            asked = {} if name is None else {"class": name}
            shown = self.get("/images/days", project=self.survey.project, **asked)["results"]
            self.table.compare("day counts", name or "all images", self.oracle.count_days(chosen),
                               {one["day"]: one["images"] for one in shown})  # fmt: skip

    def compare_sequences(self) -> None:
        """Compare which images form a sequence."""
        groups: dict[str, set[str]] = {}
        for one in self.get_all("/images", project=self.survey.project):
            groups.setdefault(one["sequence_id"] or one["id"], set()).add(self.key_of(one["id"]))
        self.table.compare("sequences", "images of each sequence", self.oracle.list_sequences(),
                           {frozenset(group) for group in groups.values()})  # fmt: skip

    def compare_commands(self) -> None:
        """Compare the JSON output of commands."""
        images = list(self.oracle.images.values())
        listed = self.run("images", "list", "--limit", "1000")
        newest = self.oracle.filter_images(is_any)
        if len(images) <= 1000:
            self.table.compare(
                "CLI",
                "images list",
                sorted(newest),
                sorted(self.key_of(one["id"]) for one in listed),
            )
        self.table.compare(
            "CLI",
            "images classes",
            self.oracle.count_classes(),
            {one["class_name"]: one["images"] for one in self.run("images", "classes")},
        )
        names = {one["scientific_name"]: (one["common_names"], sorted(one["synonyms"]))
                 for one in self.run("taxon", "list") if one["accepted_name"] is None}  # fmt: skip
        expected = {one["scientific_name"]: (one["common_names"], sorted(one["synonyms"]))
                    for one in self.survey.truth["taxa"]}  # fmt: skip
        self.table.compare("CLI", "taxon list", expected, names)

    def run(self, *arguments: str) -> Any:
        """Run a command for the project of the survey, and return its JSON output."""
        done = self.survey.server.run(*arguments, "--project", PROJECT, "--json")
        read = json.loads(done.stdout)
        return read["results"] if isinstance(read, dict) and "results" in read else read

    def compare_client(self) -> None:
        """Compare the lists and totals of the Python client."""
        self.table.compare(
            "client",
            "list_images",
            sorted(self.oracle.images),
            sorted(self.key_of(one.id) for one in list_images(self.survey)),
        )
        summary = self.survey.owner.get_summary(self.survey.project)
        self.table.compare(
            "client",
            "summarise",
            (len(self.oracle.images), self.oracle.count_hours()),
            (summary.images, list(summary.hours)),
        )
        self.table.compare(
            "client",
            "count_classes",
            self.oracle.count_classes(),
            {
                one.class_name: one.images
                for one in self.survey.owner.count_classes(self.survey.project)
            },
        )
