"""Examples, links, commands and terms of the documentation are correct."""

import ast
import importlib
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from tests.house.tree import ROOT, list_files, list_text, read

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OTHER_WORDS = {
    "capture event": "sequence",
    "data source": "pull source",
    "media file": "image",
    "prediction": "annotation",
    "processing queue": "queue",
    "work queue": "queue",
    "camera station": "deployment",
}


def _examples() -> list[tuple[str, str, str]]:
    return [
        (f"{path}:{read(path)[: match.start()].count(chr(10)) + 1}", match.group(1), match.group(3))
        for path in list_text(".md")
        for match in BLOCK.finditer(read(path))
        if "run" in match.group(2).split()
    ]


@pytest.mark.parametrize(
    ("where", "language", "code"), _examples(), ids=lambda value: str(value)[:40]
)
def test_examples_marked_to_run_do_run(
    where: str, language: str, code: str, tmp_path: Path
) -> None:
    """A reader of an example that fails assumes a mistake of their own."""
    program = [sys.executable, "-c", code] if language == "python" else ["sh", "-euc", code]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        program,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{where}\n{done.stdout}\n{done.stderr}"


def test_examples_import_what_there_is() -> None:
    """Also an example that wants a server, and so is not run here, begins with imports."""
    missing = []
    for path in list_text(".md"):
        for language, _, code in BLOCK.findall(read(path)):
            nodes = ast.walk(ast.parse(code)) if language == "python" else ()
            for node in nodes:
                if (
                    isinstance(node, ast.ImportFrom)
                    and (node.module or "").split(".")[0] == "trapline"
                ):
                    module = importlib.import_module(node.module or "")
                    missing += [
                        f"{path}: {module.__name__}.{one.name}"
                        for one in node.names
                        if not hasattr(module, one.name)
                    ]
    assert not missing


def _list_commands(text: str) -> list[list[str]]:
    """List the arguments of each `trapline ...` in code blocks and code spans of a document."""
    fence = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = "\n".join(fence.findall(text)).replace("\\\n", " ")
    lines = blocks.splitlines() + re.findall(r"`(trapline [^`]+)`", fence.sub("", text))
    commands = []
    for line in lines:
        if not (found := re.search(r"(?:^|&& |sudo |\$ )trapline (.+)", line.strip())):
            continue
        reader = shlex.shlex(found.group(1), posix=True, punctuation_chars="|&;<>")
        reader.whitespace_split = True
        is_word = re.compile(r"(?![|&;<>]+$)").match
        commands.append(list(itertools.takewhile(is_word, reader)))
    return commands


def _find_unknown(words: list[str]) -> str | None:
    """Return the first subcommand or option of a command line that does not exist."""
    from trapline.cli.main import program

    command = typer.main.get_command(program)
    options = {"--help"}
    for word in words:
        if isinstance(command, TyperGroup) and re.fullmatch(r"[a-z][a-z-]*", word):
            following = command.get_command(typer.Context(command), word)
            if following is None and not command.invoke_without_command:
                return word
            command = following or command
            for parameter in command.params:
                options |= {*parameter.opts, *parameter.secondary_opts}
        elif word.startswith("-") and word != "-" and word.partition("=")[0] not in options:
            return word
    return None


def test_commands_in_the_docs_exist() -> None:
    """Every `trapline ...` and `make ...` that a document names exists, with its options."""
    texts = {path: read(path) for path in list_text(".md") if path.name != "CHANGELOG.md"}
    targets = set(re.findall(r"^([a-z][a-z0-9_-]*):", read(Path("Makefile")), re.MULTILINE))
    used = re.findall(r"(?:`|^|\$ )make ([a-z][a-z0-9-]*)", "\n".join(texts.values()), re.MULTILINE)
    commands = [(path, words) for path, text in texts.items() for words in _list_commands(text)]
    unknown = {
        (str(path), word): " ".join(words)
        for path, words in commands
        if (word := _find_unknown(words))
    }
    assert len(commands) > 100
    assert not unknown
    assert not set(used) - targets


def test_links_between_documents_lead_somewhere() -> None:
    """A broken link in a document is the first thing that a newcomer meets."""
    broken = []
    for path in list_text(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(path)):
            if "://" not in target and not (ROOT / path.parent / target).exists():
                broken.append(f"{path}: {target}")
    assert not broken


def test_diffs_in_the_docs_apply() -> None:
    """A diff that does not apply stops a newcomer in the first hour.

    A diff that the reader has already applied counts, too.
    """
    diffs = [
        (path, diff)
        for path in list_text(".md")
        for language, _, diff in BLOCK.findall(read(path))
        if language == "diff"
    ]
    assert len(diffs) >= 2
    for path, diff in diffs:
        errors = [_apply(diff), _apply(diff, "--reverse")]
        assert "" in errors, f"{path}: {errors[0]}"


def _apply(diff: str, *options: str) -> str:
    """Return the errors of applying a diff to the working tree, without changing it."""
    command = ["git", "apply", "--check", *options, "-"]
    return subprocess.run(
        command, cwd=ROOT, input=diff, capture_output=True, text=True, check=False
    ).stderr


def test_paths_in_the_docs_exist() -> None:
    """A reader who does not find a named file no longer trusts the rest of the page."""
    path = re.compile(r"(?<![\w/.-])(?:src|tests|web|docs|tools|benchmarks)/[\w./*-]+")
    missing = {
        f"{document}: {named}"
        for document in list_text(".md")
        for span in re.findall(r"`([^`\n]+)`", read(document))
        for named in (found.rstrip(".") for found in path.findall(span))
        if not any(ROOT.glob(named)) and not (ROOT / named).exists()
    }
    names = {path.name for path in list_files()}
    missing |= {
        f"{document}: {named}"
        for document in list_text(".md")
        for named in re.findall(r"\btest_\w+\.py\b", read(document))
        if named not in names
    }
    assert not missing


def test_the_glossary_says_each_word_once() -> None:
    """A word with two meanings has none."""
    words = re.findall(r"^\| ([^|]+) \|", read(Path("docs/glossary.md")), re.MULTILINE)
    assert len(words) > 40
    assert len(words) == len(set(words))


def test_the_guide_of_a_move_names_all_parts_of_the_store() -> None:
    """A kind of file that a move leaves behind is lost."""
    keys = read(Path("src/trapline/server/platform/store/storage_keys.py"))
    kinds = set(re.findall(r'^_[A-Z]+ = "(\w+)"$|return f"(\w+)/', keys, re.MULTILINE))
    told = read(Path("docs/how-to/keep-files-on-s3.md")).partition("## Move from")[2]
    missing = {first or second for first, second in kinds if f"`{first or second}`" not in told}
    assert len(kinds) >= 7
    assert not missing


def test_documents_use_the_words_of_the_glossary() -> None:
    """Two words for one thing make a reader look for the difference."""
    wrong = {
        f"{path}: {other} (say {ours})"
        for path in list_text(".md")
        if path.name != "glossary.md"
        for other, ours in OTHER_WORDS.items()
        if re.search(rf"\b{other}s?\b", read(path), re.IGNORECASE)
    }
    assert not wrong


def test_no_advice_installs_the_project_from_an_index() -> None:
    """No index has a package of this project: an attacker could register the name."""
    advice = re.compile(r"(?:install|uvx|pipx run)\w*\s+(?:-\S+\s+)*['\"`]?trapline(?![-\w.])")
    bare = re.compile(r"(?<![\w./-])trapline\[[a-z]")
    found = {
        f"{path}: {match.group()}"
        for path in list_text(".py", ".md", ".ts", ".tsx", ".sh", ".yml", ".yaml")
        if path.parts[0]
        in ("src", "docs", "web", "tools", "README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")
        for pattern in (advice, bare)
        for match in pattern.finditer(read(path))
    }
    assert not found


def test_documents_that_programs_mention_exist() -> None:
    """Help, errors and the page name documents by path, which a rename must update."""
    mentioned = {
        (str(path), mention.rstrip("."))
        for path in list_text(".py", ".ts", ".tsx")
        if path.parts[0] in ("src", "web")
        for mention in re.findall(r"\bdocs/[a-z][\w./-]*", read(path))
    }
    assert len(mentioned) >= 5
    assert not {(path, mention) for path, mention in mentioned if not (ROOT / mention).exists()}


def test_each_guarantee_names_tests_that_exist() -> None:
    """The last column of the table lists the tests by their paths from the root."""
    lines = read(Path("docs/reference/guarantees.md")).splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| (P\d|rates)", line)]
    tests = {row[0]: re.findall(r"`([^`]+)`", row[-1]) for row in rows}
    assert len(tests) >= 25
    assert not {name for name, paths in tests.items() if not paths}
    assert not {
        (name, path)
        for name, paths in tests.items()
        for path in paths
        if Path(path) not in list_files() or not re.fullmatch(r"tests/.+/test_\w+\.py", path)
    }


@pytest.mark.parametrize("guide", ["write-a-gateway.md", "write-a-pipeline.md"])
def test_guides_for_engineers_name_code_that_exists(guide: str) -> None:
    """The reader of such a guide searches for the files, classes and functions that it names."""
    spans = set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", read(Path("docs/how-to") / guide)))
    paths = [f"/{path}" for path in list_text(".py", ".ts", ".tsx")]
    files = {span for span in spans if re.fullmatch(r"[\w/-]+\.(?:py|ts|tsx)", span)}
    missing = {file for file in files if not any(path.endswith(f"/{file}") for path in paths)}
    code = [read(path) for path in list_text(".py") if path.parts[0] in ("src", "tests")]
    definition = r"^\s*(?:class|(?:async )?def) (\w+)|^\s*(\w+)(?=:? )|(\w+)(?==)"
    defined = re.compile(definition, re.MULTILINE)
    known = {name for groups in defined.findall("\n".join(code)) for name in groups}
    is_name = re.compile(r"(?!TRAPLINE_)[A-Z]\w{3,}|[a-z]+_[a-z_]+").fullmatch
    names = {span for span in spans if is_name(span)}
    assert len(files) >= 2
    assert len(names) >= 3
    assert not missing | (names - known)
