"""Each benchmark runs at its smallest size and prints its figures, most of them in the soak only.

Nothing here asserts how long something takes.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.camera_images import fill
from tests.support.registries import skip_without_registries
from tests.support.running_server import quiet_environment

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
IMAGES = "{images}"
"""Replaced by a folder with two images and a manifest."""
SMALLEST = {
    # name: (its arguments, a line of figures that it prints)
    "bulk": ("--count 50 --posts 2 --rounds 1", r"\d annotations/s"),
    "detections": (
        f"--images {IMAGES}",
        r"animal-detector: 2 images\n(.*\n)*boxes of persons in all \d",
    ),
    "exchange_in": ("50", r"taken in: .* images/s"),
    "expand": ("50 --rounds 1", r"all images: all can be leased after \d"),
    "export": ("--observations 300", r"camtrap-dp: .*; \d+% .*\n.*coco: .*; \d+%"),
    "floor": ("--batches 1", r"\d images/s"),
    "grid": ("--sizes 400 --rounds 2", r"first page +\d"),
    "growth": ("--sizes 100 200 --batches 1 --rounds 1", r"200 +\d+ images/s +\d+ % of the first"),
    "heavy": ("--classes 20 --images 2 --posts 2 --rounds 1", r"\d bodies/s"),
    "identify": ("--count 10 --rounds 1", r"confirm all images +\d.*%"),
    "idle": (
        "--seconds 1 --settle 0",
        r"without PostgreSQL +\d+.*\n.*PostgreSQL +\d+.*\n\d.* transactions/s",
    ),
    "ingest": ("--count 4", r"way \d[\d.]*\n\d+ % of the slower floor"),
    "insight_coverage": (
        "--surveys 2 --replicates 50",
        r"rate, 100 deployments +\d.*\n(.*\n)*Chao2, 30 species, 100 deployments +\d",
    ),
    "insights": (
        "--images 400 --rounds 1",
        r"accumulation +\d+ +\d+ +\d+ +\d+ +\d.*\n(.*\n)*a random audit sample of 40 images",
    ),
    "job_spread": (
        "--images 6 --workers 2 --ideal 1 --processes 1 --no-late",
        r"     6 +2 +\d\.\d+ +1\.0 +\d",
    ),
    "line": ("--processes 1 --batches 1 --rounds 1", r"line over HTTP +\d+ images/s"),
    "page_filters": ("--images 400 --rounds 1 --filters 3", r"requests: median \d+ ms"),
    "peers": ("--count 64 --rounds 1 --queue-only", r"line, nothing found +\d+ +\d+ +\d+"),
    "poll": (
        "--known 20 --long 30 --rounds 1",
        r"way [\d,]+: \d+ % of the floor(.*\n)+ +30 entries: at most \d+ MiB",
    ),
    "rebuild": ("--images 400 --batches 1", r"rebuild +\d.*% of(.*\n)+line alone \d"),
    "review": ("--bursts 3", r"next image"),
    "screens": ("--images 400 --rounds 1", r"/settings/observations +\d+ ms +\d+ ms"),
    "start": ("--rounds 1 --idle 1", r"a used folder +floor .* ready after(.*\n)+together +\d"),
    "submit": (
        "--rate 10 --seconds 1 --images 20 --processes 1 --large 2 --settle 0",
        r"one by one over 20 images +median",
    ),
    "worker": (
        f"--pipeline insect-sheet --count 4 --rounds 1 --images {IMAGES}",
        r"worker +\d[\d.]* images/s",
    ),
}
EACH_TIME = {"identify", "ingest", "page_filters"}
"""The benchmarks that `make test` runs, one for each way of building data.

`identify` uses `measure_line` of `line`.
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    first, second = fill(folder, 2)
    manifest = f"file,ground_truth\n{first.name},blank\n{second.name},\n"
    (folder / "manifest.csv").write_text(manifest, encoding="utf-8")
    return folder


def start(name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a benchmark and wait for its end."""
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments],
        env=quiet_environment(**settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_each_benchmark_has_its_smallest_arguments_here() -> None:
    programs = {path.stem for path in BENCHMARKS.glob("*.py") if not path.stem.startswith("_")}
    assert programs == set(SMALLEST)


@pytest.mark.parametrize(
    "name",
    [one if one in EACH_TIME else pytest.param(one, marks=pytest.mark.long) for one in SMALLEST],
)
def test_the_benchmark_prints_its_figures(
    name: str, images: Path, make_prepared: Callable[[], Path]
) -> None:
    arguments, figures = SMALLEST[name]
    if name == "ingest" and shutil.which("curl") is None:
        pytest.skip("there is no curl, which this benchmark compares with")
    prepared = make_prepared()
    ground = {
        "TRAPLINE_BENCHMARK_DATA": str(prepared),
        "TRAPLINE_BENCHMARK_FOLDER": str(prepared.parent),
    }
    done = start(name, *arguments.replace(IMAGES, str(images)).split(), **ground)
    skip_without_registries(done)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    assert re.search(figures, done.stdout), done.stdout[-3000:]


@pytest.mark.parametrize("name", ["ingest", "worker"])
def test_a_folder_of_images_that_does_not_exist_is_named(name: str, tmp_path: Path) -> None:
    """The help names the folder in TRAPLINE_SAMPLES that is read, and so does the error."""
    help_text = " ".join(start(name, "--help").stdout.split())
    assert "the folder `images` in TRAPLINE_SAMPLES" in help_text
    done = start(name, "--count", "1", TRAPLINE_SAMPLES=str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path / 'images'} is not a folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_each_figure_names_its_commit() -> None:
    """Each section of RESULTS.md names the commit that its figures were measured at."""
    text = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) > 10
    commit = re.compile(r"^Commit `[0-9a-f]{8,40}`", re.MULTILINE)
    unnamed = [section.partition("\n")[0] for section in sections if not commit.search(section)]
    assert not unnamed
