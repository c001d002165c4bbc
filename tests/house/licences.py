"""Report the licence of each distribution of the extras server and worker, and refuse GPL code:
`make licences`.

Metadata names the licence of a distribution's own code. A wheel also contains libraries that other
people wrote, so that this looks at bundled libraries and at licence files, too. The allowed
licences are in allowed_licences.toml.
"""

import email
import importlib.metadata
import re
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

ALLOWED = Path(__file__).with_name("allowed_licences.toml")
EXTRAS = ("server", "worker", "worker-cpu")

_LIBRARY = re.compile(r"(?:^|/)(?:[^/]+\.libs|\.dylibs)/([^/]+)$")
_LIBRARY_NAME = re.compile(
    r"(?:[-.]?[0-9a-f]{8,})*(?:[-.]\d[\w.]*)?(?:\.so|\.dylib|\.dll)(?:\.[\w.]*)?$"
)
_LICENCE_FILE = re.compile(
    r"(?:^|/)[^/]*(?:licen[cs]e|copying|notice|bundled)[^/]*$", re.IGNORECASE
)
_CODE = (".py", ".pyc", ".pyi", ".so", ".h", ".html")
# "LGPL" and "Lesser General Public License" do not match.
_GPL = re.compile(r"(?<!L)GPL|(?<!Lesser )(?<!Library )General\s+Public\s+License", re.IGNORECASE)


@dataclass(frozen=True)
class Contents:
    """Contents of a distribution, as a wheel or as it is installed.

    `read` returns the text of a file.
    """

    name: str
    metadata: Message
    files: list[str]
    read: Callable[[str], str]


@dataclass(frozen=True)
class Report:
    """The licence of a distribution, its bundled libraries with theirs, and what is not allowed."""

    name: str
    version: str
    licence: str
    libraries: dict[str, str]
    problems: list[str]
    data: str | None = None


def read_allowed() -> dict[str, Any]:
    """The allowed licences, libraries and exceptions."""
    return tomllib.loads(ALLOWED.read_text(encoding="utf-8"))


def open_installed(name: str) -> Contents:
    """An installed distribution. Raises PackageNotFoundError."""
    found = importlib.metadata.distribution(name)
    files = {str(path): path for path in found.files or []}
    metadata = email.message_from_string(found.read_text("METADATA") or "")
    return Contents(
        str(metadata["Name"]), metadata, list(files),
        lambda path: Path(str(files[path].locate())).read_text(encoding="utf-8", errors="replace"),
    )  # fmt: skip


def open_wheel(path: Path) -> Contents:
    """A wheel."""
    archive = zipfile.ZipFile(path)
    names = archive.namelist()
    [metadata] = [
        name for name in names if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
    ]
    parsed = email.message_from_bytes(archive.read(metadata))
    return Contents(
        str(parsed["Name"]), parsed, names, lambda name: archive.read(name).decode(errors="replace")
    )


def list_installed(extras: tuple[str, ...] = EXTRAS) -> list[str]:
    """List all distributions that these extras need on this machine, without this project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional: Mapping[str, list[str]] = project["optional-dependencies"]
    waiting = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    seen: dict[str, frozenset[str]] = {}
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(requirement.name)
        if name == project["name"]:
            continue  # one extra names another
        wanted = seen.get(name, frozenset()) | requirement.extras
        if seen.get(name) == wanted:
            continue
        seen[name] = wanted
        waiting += _list_requirements(name, wanted)
    return sorted(seen)


def _list_requirements(name: str, extras: frozenset[str]) -> Iterator[str]:
    for line in importlib.metadata.distribution(name).requires or []:
        marker = Requirement(line).marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield line.partition(";")[0]


def check(contents: Contents, allowed: Mapping[str, Any]) -> Report:
    """Report the licence of one distribution and what of it is not allowed."""
    name = canonicalize_name(contents.name)
    libraries: dict[str, str] = {}
    problems: list[str] = []
    licence = allowed["distributions"].get(name, {}).get("licence") or _read_licence(
        contents.metadata
    )
    if name not in allowed["distributions"] and not _is_allowed(licence, allowed["licences"]):
        problems.append(f"{name}: the licence {licence!r} of its metadata is not allowed")
    for path in contents.files:
        if (found := _LIBRARY.search(path)) is None:
            continue
        library = _LIBRARY_NAME.sub("", found[1])
        known = allowed["libraries"].get(library)
        libraries[library] = known or "unknown"
        if known is None:
            problems.append(
                f"{name}: the bundled library {library} ({path}) is not in {ALLOWED.name}"
            )
        elif not _is_allowed(known, allowed["licences"]):
            problems.append(
                f"{name}: the bundled library {library} ({path}) has the licence {known}"
            )
    if name not in allowed["mentions"] and name not in allowed["distributions"]:
        problems += [
            f"{name}: {path} names the GPL: {line}" for path, line in _list_mentions(contents)
        ]
    version = str(contents.metadata["Version"])
    return Report(name, version, licence, libraries, problems, allowed.get("data", {}).get(name))


def _read_licence(metadata: Message) -> str:
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        str(line).split(" :: ")[-1]
        for line in metadata.get_all("Classifier") or []
        if "License ::" in line
    ]
    text = str(metadata.get("License") or "").strip()
    return " AND ".join(classifiers) or text.partition("\n")[0].strip() or "unknown"


def _is_allowed(licence: str, licences: list[str]) -> bool:
    """Whether each part of an expression has an alternative that is allowed."""
    if licence in licences:
        return True
    parts = re.split(r"\s+AND\s+", licence.replace("(", " ").replace(")", " "))
    return all(
        any(one.strip() in licences for one in re.split(r"\s+OR\s+", part)) for part in parts
    )


def _list_mentions(contents: Contents) -> Iterator[tuple[str, str]]:
    for path in contents.files:
        if not _LICENCE_FILE.search(path) or path.endswith(_CODE):
            continue
        for line in contents.read(path).splitlines():
            if _GPL.search(line):
                yield path, line.strip()[:100]
                break


def main() -> int:
    """Print the report; answers 1 where something is not allowed."""
    allowed = read_allowed()
    reports = [check(open_installed(name), allowed) for name in list_installed()]
    for report in reports:
        bundled = ", ".join(
            f"{library} ({licence})" for library, licence in sorted(report.libraries.items())
        )
        data = f"; contains data under {report.data}" if report.data else ""
        sys.stdout.write(
            f"{report.name} {report.version}: "
            f"{report.licence}{bundled and f'; bundles {bundled}'}{data}\n"
        )
    problems = [problem for report in reports for problem in report.problems]
    for problem in problems:
        sys.stderr.write(f"not allowed: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
