"""The licence check with real wheels whose metadata names BSD and whose libraries have the GPL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.house.licences import check, open_wheel, read_allowed


def download(package: str, folder: Path) -> Path:
    """A wheel for this platform, from the configured index.

    Skips where there is no index, except with CI set.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(folder),
            package,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = f"{package} cannot be downloaded: {done.stderr.strip()[-300:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return wheels[0]


@pytest.mark.parametrize(
    ("package", "libraries"),
    [("pillow-heif==1.8.1", {"libx265"}), ("av==18.1.0", {"libx264", "libx265"})],
)
def test_a_wheel_with_a_gpl_library_is_refused_whatever_its_metadata_names(
    package: str, libraries: set[str], tmp_path: Path
) -> None:
    contents = open_wheel(download(package, tmp_path))
    report = check(contents, read_allowed())
    assert report.licence == "BSD-3-Clause"
    refused = " ".join(report.problems)
    for library in libraries:
        assert f"the bundled library {library} " in refused


def test_a_licence_file_that_names_the_gpl_is_refused_without_any_library(tmp_path: Path) -> None:
    contents = open_wheel(download("pillow-heif==1.8.1", tmp_path))
    files = [path for path in contents.files if ".libs/" not in path]
    report = check(
        type(contents)(contents.name, contents.metadata, files, contents.read), read_allowed()
    )
    [problem] = report.problems
    assert "LICENSES_bundled.txt names the GPL" in problem


def test_a_wheel_with_lgpl_libraries_is_allowed(tmp_path: Path) -> None:
    report = check(open_wheel(download("pi-heif==1.4.0", tmp_path)), read_allowed())
    assert report.problems == []
    assert report.libraries == {"libheif": "LGPL-3.0-or-later", "libde265": "LGPL-3.0-or-later"}
