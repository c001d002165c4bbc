"""Compare exports as Camtrap DP, validated with Frictionless."""

import csv
import io
import json
import zipfile
from collections import Counter
from datetime import datetime
from pathlib import Path

import frictionless

from tests.survey.exported import Exported, Row
from trapline.wire.exports import ExportFormat

SCHEMAS = (
    Path(__file__).parents[2]
    / "src"
    / "trapline"
    / "server"
    / "exports"
    / "formats"
    / "camtrap_dp_schemas"
)


class ExportedPackages:
    """Data packages of a survey."""

    def __init__(self, exported: Exported) -> None:
        self.exported, self.table, self.expected = exported, exported.table, exported.expected

    def compare_camtrap_dp(self) -> None:
        """Compare Camtrap DP: valid in all rows, media, observations of media and of events."""
        path = self.exported.export(
            ExportFormat.CAMTRAP_DP, title="Survey", data_licence="CC0-1.0", media_licence="CC0-1.0"
        )
        package = self.exported.folder / "camtrap"
        with zipfile.ZipFile(path) as packed:
            packed.extractall(package)
        media, observations = (
            _read_rows(package / f"{name}.csv") for name in ("media", "observations")
        )
        rows = len(self.exported.survey.deployments) + len(media) + len(observations)
        self.table.compare(
            "camtrap-dp", "rows that frictionless finds valid", ([], rows), _validate(package)
        )
        self.table.compare(
            "camtrap-dp",
            "media",
            {key: one[1:] for key, one in self.expected.list_media().items()},
            {
                self.exported.key_of(one["mediaID"]): (
                    datetime.fromisoformat(one["timestamp"]),
                    one["filePublic"] == "true",
                )
                for one in media
            },
        )
        self.exported.compare_by_arrival(
            "camtrap-dp", "path", {key: one[0] for key, one in self.expected.list_media().items()},
            {self.exported.key_of(one["mediaID"]): one["fileName"] for one in media},
        )  # fmt: skip
        self._compare_observations(observations)

    def compare_media_observations(self, path: Path) -> None:
        """Compare the observations of a Camtrap DP."""
        with zipfile.ZipFile(path) as packed, packed.open("observations.csv") as lines:
            self._compare_observations(
                list(csv.DictReader(io.TextIOWrapper(lines, "utf-8", newline="")))
            )

    def _compare_observations(self, observations: list[dict[str, str]]) -> None:
        groups: dict[str, set[str]] = {}
        of_media: Counter[Row] = Counter()
        events: list[dict[str, str]] = []
        for one in observations:
            if one["observationLevel"] == "event":
                events.append(one)
                continue
            key = self.exported.key_of(one["mediaID"])
            groups.setdefault(one["eventID"], set()).add(key)
            # An imported identification belongs to the account that imports; the original person is
            # named in its comment.
            by = (
                one["classifiedBy"]
                if one["classificationMethod"] == "human" and not self.exported.is_copy
                else ""
            )
            sure = one["classificationProbability"]
            box = (
                tuple(
                    round(float(one[name]), 4)
                    for name in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
                )
                if one["bboxX"]
                else None
            )
            of_media[(key, *_describe(one), box, one["classificationMethod"], by,
                      float(sure) if sure else None)] += 1  # fmt: skip
        expected = self.expected.list_media_observations(with_people=not self.exported.is_copy)
        self.table.compare(
            self.exported.prefix,
            "observations of media",
            self.exported.keep(expected),
            self.exported.keep(of_media),
        )
        found = Counter((frozenset(groups[one["eventID"]]), *_describe(one)) for one in events)
        self.table.compare(
            self.exported.prefix,
            "observations of events",
            self.exported.keep(self.expected.list_events()),
            self.exported.keep(found),
        )


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _describe(row: dict[str, str]) -> Row:
    count = int(row["count"]) if row["count"] else None
    return (
        row["observationType"],
        row["scientificName"],
        count,
        row["lifeStage"],
        row["sex"],
        row["behavior"],
    )


def _validate(package: Path) -> tuple[list[str], int]:
    """Validate every row with Frictionless; return the problems and the number of rows."""
    described = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))
    described.pop("profile")
    for resource in described["resources"]:
        # The schemas are read from the copy in this repository, because the tests use no network.
        resource["schema"] = json.loads(
            (SCHEMAS / resource["schema"].rpartition("/")[2]).read_text(encoding="utf-8")
        )
    report = frictionless.Package(described, basepath=str(package)).validate()
    problems = [
        " ".join(map(str, one)) for one in report.flatten(["rowNumber", "fieldName", "note"])
    ]
    return problems[:20], sum(int(task.stats["rows"]) for task in report.tasks)
