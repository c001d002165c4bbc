"""Rules about files that no linter has. Each docstring gives the reason."""

import re
from pathlib import Path

from tests.house.tree import list_files, list_text, read

LONGEST = 400
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "core",
    "misc",
    "models",
    "managers",
    "services",
}
LOCKS = ("requirements.lock", "requirements-node.lock", "package-lock.json")


def test_no_source_file_is_longer_than_one_concept() -> None:
    """A file that grows past the limit becomes a folder named after its concept."""
    long = {
        str(path): lines
        for path in list_text(".py", ".ts", ".tsx", ".css", ".sh")
        if (lines := len(read(path).splitlines())) > LONGEST
        and not path.match("web/src/api/*")
        and "versions" not in path.parts  # a migration is history: it is not tidied up
    }
    assert not long


def test_no_file_is_named_after_a_kind() -> None:
    """A file named after a kind collects unrelated code; one named after a concept does not."""
    named = [
        str(path)
        for path in list_files()
        if {part.removesuffix(path.suffix) for part in path.parts} & FORBIDDEN_NAMES
        or (path.stem == "base" and str(path) != "src/trapline/server/platform/db/base.py")
    ]
    assert not named


OF_LIBRARIES = {
    "compile",  # of re, to count its calls
    "default_ssl_context",  # of httpcore2, to count its calls
    "fsync",  # of os, to record its calls
    "getaddrinfo",  # of socket, to delay its answers
    "LexborHTMLParser",  # of selectolax, to record its calls or to prove that it is not called
    "pread",  # of os, to delay its answers
    "sha256",  # of hashlib, to record the threads that call it
}
"""Functions of libraries that tests may replace. Of Trapline, tests may replace constants only."""


def test_no_test_replaces_a_function_of_trapline() -> None:
    """A test of partly replaced code proves only that the rest fits the replacement."""
    replaced = re.compile(
        r"""\w+\.setattr\(\s*(?:[\w.]+,\s*)?["'](?:[\w.]+\.)?(\w+)["']"""
        r"|\bmock\b|ignore\[method-assign"
    )
    found = {
        f"{path}: {match.group()}"
        for path in list_text(".py")
        if path.parts[0] == "tests" and path.parts[1] != "house"
        for match in replaced.finditer(read(path))
        if not (match[1] and (match[1].isupper() or match[1] in OF_LIBRARIES))
    }
    assert not found


def test_lock_files_name_no_host() -> None:
    """A lock file with URLs ignores every mirror; the hashes identify the files."""
    for name in ("requirements.lock", "requirements-node.lock"):
        assert not re.findall(r"https?://|index-url|--find-links", read(Path(name)))
    # npm also stores URLs for donations; nothing is downloaded from them.
    page = read(Path("web/package-lock.json"))
    assert not re.findall(r'"resolved": "https?://[^"]*"', page)


def test_every_locked_requirement_has_a_hash() -> None:
    """Without a hash, the server that delivers a file decides which code runs here."""
    locks = read(Path("requirements.lock")) + read(Path("requirements-node.lock"))
    blocks = re.split(r"\n(?=\S)", locks.strip())
    assert len(blocks) > 50
    assert not [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]


def test_no_file_names_a_path_of_one_machine() -> None:
    """A path of one machine fails on every other machine."""
    mine = re.compile(r"(?<![\w.])/(?:home|Users|work)/[a-z]\w*/|/root/\w")
    found = {
        str(path): match.group()
        for path in list_text(
            ".py", ".toml", ".md", ".sh", ".ts", ".tsx", ".json", "Makefile", "run", ".yml"
        )
        if path.name not in LOCKS
        and path.parts[:2] != ("tests", "house")
        and (match := mine.search(read(path)))
    }
    assert not found


def test_every_module_has_a_docstring() -> None:
    """The first line of each module describes its purpose; one without a clear purpose is two."""
    silent = [
        str(path)
        for path in list_text(".py")
        if (text := read(path).removeprefix("#!/usr/bin/env python3\n").strip())
        and not text.startswith(('"""', 'r"""'))
    ]
    assert not silent


def test_architecture_names_every_folder_of_the_server() -> None:
    """ARCHITECTURE.md names each folder of the server."""
    text = read(Path("ARCHITECTURE.md"))
    folders = {
        path.parts[3] for path in list_files() if path.parts[:3] == ("src", "trapline", "server")
    }
    names = {name.removesuffix(".py") for name in folders if name != "__init__.py"}
    assert not {name for name in names if name not in text}
