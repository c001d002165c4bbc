"""Run a whole survey: build the truth, drive the product, compare every surface."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from tests.survey.arrivals import collect_files
from tests.survey.browser_review import review_in_browser
from tests.survey.comparison import Comparison
from tests.survey.driver import (
    Survey,
    import_taxa,
    list_observations,
    open_survey,
    publish,
    wait_for_day_counts,
)
from tests.survey.exported import Exported
from tests.survey.exported_boxes import ExportedBoxes
from tests.survey.exported_packages import ExportedPackages
from tests.survey.exported_tables import ExportedTables
from tests.survey.known_differences import KNOWN, is_missing_known
from tests.survey.oracle import Oracle
from tests.survey.pipeline_runs import change_settings, run_pipelines
from tests.survey.real_model import RealModel
from tests.survey.reviews import review
from tests.survey.round_trip import RoundTrip
from tests.survey.surfaces import Surfaces
from tests.survey.surfaces_observations import ObservationSurfaces
from tests.survey.truth import build_truth

Step = Callable[[Survey], None]
STEPS: tuple[Step, ...] = (
    import_taxa,
    collect_files,
    run_pipelines,
    review,
    review_in_browser,
    publish,
)


def run_survey(
    size: str, seed: int, folder: Path, data: Path, port: int
) -> tuple[Comparison, dict[str, float]]:
    """Run a survey; return the comparison table, and the seconds that each step took."""
    truth = build_truth(size, seed)
    took: dict[str, float] = {}
    began = time.monotonic()
    with open_survey(truth, folder, data, port) as survey:
        took["start"] = time.monotonic() - began
        for step in STEPS:
            began = time.monotonic()
            step(survey)
            took[step.__name__] = time.monotonic() - began
        (folder / "truth.json").write_text(
            json.dumps(truth, indent=1, ensure_ascii=False), encoding="utf-8"
        )
        table, compared = compare_all(survey)
    return table, took | compared


def compare_all(survey: Survey) -> tuple[Comparison, dict[str, float]]:
    """Compare every surface of a survey with an oracle that reads the truth document."""
    truth = json.loads((survey.folder / "truth.json").read_text(encoding="utf-8"))
    arrives = {one["key"]: one["arrives"] for one in truth["deployments"]}
    missing = {
        one["id"] for one in truth["files"] if is_missing_known(arrives[one["deployment"]], one)
    }
    table, took = Comparison(), dict[str, float]()
    oracle = Oracle(truth, missing)
    exported = Exported(survey, oracle, table)
    tables, boxes = ExportedTables(exported), ExportedBoxes(exported)
    with closing(Surfaces(survey, oracle, table)) as surfaces:
        observations = ObservationSurfaces(surfaces)
        for compare in (
            surfaces.compare_files,
            surfaces.compare_images,
            surfaces.compare_grid,
            surfaces.compare_figures,
            surfaces.compare_sequences,
            observations.compare_list,
            observations.compare_filters,
            observations.compare_groups,
            observations.compare_withdrawals,
            surfaces.compare_commands,
            observations.compare_commands,
            surfaces.compare_client,
            exported.compare_public_page,
            tables.compare_csv,
            tables.compare_parquet,
            tables.compare_geoparquet,
            ExportedPackages(exported).compare_camtrap_dp,
            boxes.compare_coco,
            boxes.compare_yolo,
            boxes.compare_megadetector,
            tables.compare_darwin_core,
            RoundTrip(survey, exported).compare,
            RealModel(survey, table).compare,
            partial(compare_phases, survey, table, missing),
        ):
            began = time.monotonic()
            compare()
            name = getattr(compare, "__qualname__", "compare_phases")
            took[name] = time.monotonic() - began
    return table, took


def compare_phases(survey: Survey, table: Comparison, missing: set[str]) -> None:
    """Change the settings of the observations, and compare what other settings give.

    The last settings are the first again, and must give the same observations with the same IDs.
    """
    before = list_observations(survey)
    for number, settings in enumerate(survey.truth["phases"][1:], start=1):
        change_settings(survey, settings)
        wait_for_day_counts(survey)
        oracle = Oracle(survey.truth, missing, number)
        phase = table.name_phase(f"settings {number + 1}:")
        with closing(Surfaces(survey, oracle, phase)) as surfaces:
            observations = ObservationSurfaces(surfaces)
            surfaces.compare_images()
            surfaces.compare_grid()
            surfaces.compare_figures()
            observations.compare_list()
            observations.compare_groups()
    table.compare(
        "observations", "after the first settings again", before, list_observations(survey)
    )


def list_failures(table: Comparison) -> list[str]:
    """List unknown differences, and known differences that do not occur any more."""
    differing = {one.name: one for one in table.list_differences()}
    failures = [
        f"{name}: expected {one.expected}, got {one.actual}"
        for name, one in differing.items()
        if not any(fnmatchcase(name, known) for known in KNOWN)
    ]
    failures += [
        f"{known}: is listed as a known difference ({reason}) and does not differ; "
        "remove it from known_differences.py"
        for known, reason in KNOWN.items()
        if not any(fnmatchcase(name, known) for name in differing)
    ]
    return failures
