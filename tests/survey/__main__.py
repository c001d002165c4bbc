"""Run a survey by hand: `python -m tests.survey --size small --seed 1 [--keep DIR]`."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.survey.truth import SIZES, build_truth
from tests.survey.walk import list_failures, run_survey
from trapline.server.platform.postgres.postgres import find_free_port


def main() -> int:
    """Run a survey with the arguments of the command line, and print the comparison table."""
    arguments = argparse.ArgumentParser(prog="python -m tests.survey", description=__doc__)
    arguments.add_argument("--size", choices=SIZES, default="small")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument(
        "--keep", type=Path, help="keep cards, truth.json, exports and the data folder here"
    )
    arguments.add_argument(
        "--truth-only", type=Path, help="write the truth document to this file and stop"
    )
    given = arguments.parse_args()
    if given.truth_only:
        import json

        truth = build_truth(given.size, given.seed)
        given.truth_only.write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")
        return 0
    folder = given.keep or Path(tempfile.mkdtemp(prefix="trapline-survey-"))
    folder.mkdir(parents=True, exist_ok=True)
    # The unprivileged account of PostgreSQL must be able to read it.
    folder.chmod(0o711)
    (folder / "data").mkdir(mode=0o711)
    try:
        table, took = run_survey(given.size, given.seed, folder, folder / "data", find_free_port())
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(table.render())  # noqa: T201
    print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))  # noqa: T201
    failures = list_failures(table)
    for failure in failures:
        print(f"DIFFERS {failure}")  # noqa: T201
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
