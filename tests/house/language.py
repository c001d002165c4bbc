"""Find banned expressions, long lines and ambiguous class names in the repository.

python -m tests.house.language                  each finding in the repository
python -m tests.house.language PATH...          each finding in these files or folders
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.passages import Passage, extract
from tests.house.tree import ROOT, list_text, read

LONGEST_LINE = 100
NOT_CHECKED = {
    "tests/house/language.py",
    "tests/house/test_language.py",
    "web/src/api/schema.d.ts",
}
ENDINGS = (".md", ".py", ".ts", ".tsx", ".css", ".sh", ".toml", "NOTICE", "Makefile")

# One entry per row of the language rules that a plain expression can find. "line", "address", "at
# once", "make" and "wants" are not here, because each also has a correct technical meaning.
EXPRESSIONS = {
    "again, new": r"anew|once more",
    "the user, no one, or passive": r"whoever|nobody|somebody|anybody",
    "return, report, show, notify": r"tells?|told",
    "is reported, as a message": r"(?:is|are|was|were) said|says? so|in words",
    "be notified, last contact": r"hears? of|heard (?:from|of)",
    "next to, below": r"beside|beneath",
    "fix, honour, kill": r"mend(?:s|ed|ing)?|heed(?:s|ed|ing)?|strikes?|struck",
    "a number of, N": r"so many|ever so",
    "automatically, separate": r"by itself|of its own",
    "continues": r"goes on|go on with",
    "is, is stored, current": r"stands|standing",
    "does not exist": r"is (?-i:none)",
    "is not a": r"(?<!\bthere\s)is no(?! (?:longer|more|less|later|older|newer|way)\b)",
    "at the same time, immediately": r"in this moment",
    "image": r"pictures?",
    "automatic job, background task": r"standing jobs?|chores?",
    "import": r"(?:take|takes|took|taking) in",
    "resume, revoke": r"(?:takes?|taken|took|taking) (?:up|back)",
    "release": r"lets? go|letting go",
    "delete": r"(?:forgets?|forgot|forgotten)(?! (?:to|(?:(?:the|your|a) )?password)\b)",
    "purge": r"for good",
    "requires, requested": r"wishes",
    "external": r"outside pipelines?",
}
PATTERN = re.compile(
    r"\b(?:" + "|".join(EXPRESSIONS.values()).replace(" ", r"\s+") + r")\b",
    re.IGNORECASE,
)
# A sentence that starts with a question word and ends with a full stop has it as its subject.
_QUESTION_WORD = re.compile(r"(?:\A|[.!?:|\n])[\s*_\"'“-]*(?P<word>What|Who|Whose)\s")
_SENTENCE_END = re.compile(r"[.?!|](?=\s|\Z|[\"'”*_|])|\n\s*(?:\n|[-*|#]|\d+\.\s)")


@dataclass(frozen=True)
class Finding:
    """A banned expression or a long line, and its place."""

    path: Path
    line: int
    expression: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.expression}"


def find_expressions(path: Path, passage: Passage) -> Iterator[Finding]:
    """Find each banned expression of a passage, in the order of the text."""
    starts = [(match.start(), match.group()) for match in PATTERN.finditer(passage.text)]
    for match in _QUESTION_WORD.finditer(passage.text):
        end = _SENTENCE_END.search(passage.text, match.end())
        if end and end.group() == ".":
            starts.append((match.start("word"), passage.text[match.start("word") :][:40]))
    for start, expression in sorted(starts):
        line = passage.line + passage.text.count("\n", 0, start)
        yield Finding(path, line, " ".join(expression.split()))


def list_prose() -> list[Path]:
    """List the files whose prose is checked; generated files and this module are left out."""
    return [path for path in list_text(*ENDINGS) if str(path) not in NOT_CHECKED]


def list_expressions() -> Iterator[Finding]:
    """List the banned expressions of the repository."""
    for path in list_prose():
        for passage in extract(path, read(path)):
            yield from find_expressions(path, passage)


def list_long_lines() -> Iterator[Finding]:
    """List lines of more than 100 columns; tables, code blocks and URLs in Markdown are exempt."""
    for path in list_text(".py", ".md"):
        is_code = False
        for number, line in enumerate(read(path).splitlines(), 1):
            if path.suffix == ".md":
                is_code ^= line.lstrip().startswith("```")
                if is_code or line.startswith("|") or "://" in line:
                    continue
            if len(line) > LONGEST_LINE:
                yield Finding(path, number, f"{len(line)} columns")


def list_ambiguous_classes() -> dict[str, list[str]]:
    """Return each public class name that several modules of src/ define, with these modules."""
    places: dict[str, list[str]] = {}
    for path in list_text(".py"):
        if path.parts[0] != "src":
            continue
        for node in ast.parse(read(path)).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path))
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def main() -> int:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.house.language", description=__doc__)
    parser.add_argument("places", nargs="*", metavar="PATH", help=f"relative to {ROOT.name}")
    folders = [Path(place) for place in parser.parse_args().places] or [Path()]
    for finding in (*list_expressions(), *list_long_lines()):
        if any(finding.path.is_relative_to(folder) for folder in folders):
            print(finding)
    return 0


if __name__ == "__main__":
    sys.exit(main())
