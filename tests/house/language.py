"""Find banned expressions, long lines and ambiguous class names in the repository.

    python -m tests.house.language                  counts by area, and per 10,000 words
    python -m tests.house.language PATH...          each finding in these files or folders
    python -m tests.house.language --update         lower the table of allowed counts

The table (language_counts.toml) holds the number of findings that each area still has. It may only
fall: `--update` refuses to raise a number. After a conflict in the table, take either side of it
and run `--update` again.
"""

import argparse
import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.passages import Passage, extract
from tests.house.tree import ROOT, list_text, read

TABLE = Path(__file__).with_name("language_counts.toml")
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
    """A banned expression and its place."""

    path: Path
    line: int
    expression: str


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


def get_area(path: Path, kind: str) -> str:
    """Return the area of the table that a passage counts in, such as "src/trapline/cli texts"."""
    folders = path.parts[:-1]
    if path.suffix == ".md" or path.name == "NOTICE":
        return "/".join(folders[:2]) if folders else path.name
    area = "/".join(folders[:3] if folders[:1] == ("src",) else folders[:1]) or "root"
    return f"{area} {kind}".strip()


def count_expressions() -> tuple[Counter[str], Counter[str]]:
    """Count the banned expressions and the words of each area."""
    found: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for path in list_prose():
        for passage in extract(path, read(path)):
            area = get_area(path, passage.kind)
            found[area] += sum(1 for _ in find_expressions(path, passage))
            words[area] += len(re.findall(r"[A-Za-z][\w'’-]*", passage.text))
    return found, words


def list_prose() -> list[Path]:
    """List the files whose prose is checked; generated files and this module are left out."""
    return [path for path in list_text(*ENDINGS) if str(path) not in NOT_CHECKED]


def count_long_lines() -> Counter[str]:
    """Count lines of more than 100 columns by area; tables, code blocks and URLs are exempt."""
    long: Counter[str] = Counter()
    for path in list_text(".py", ".md"):
        text = read(path)
        if path.suffix == ".md":
            text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
        for line in text.splitlines():
            is_exempt = line.startswith("|") or "://" in line or "noqa: E501" in line
            if len(line) > LONGEST_LINE and not is_exempt:
                long[get_area(path, "")] += 1
    return long


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


def measure() -> dict[str, dict[str, int]]:
    """Return the present counts in the form of the table."""
    return {
        "expressions": +count_expressions()[0],
        "long_lines": +count_long_lines(),
        "ambiguous_classes": {name: len(paths) for name, paths in list_ambiguous_classes().items()},
    }


def load_table() -> dict[str, dict[str, int]]:
    """Read the allowed counts."""
    return {
        "expressions": {},
        "long_lines": {},
        "ambiguous_classes": {},
        **tomllib.loads(TABLE.read_text(encoding="utf-8")),
    }


def list_raised(allowed: dict[str, int], present: dict[str, int]) -> list[str]:
    """List the areas whose count is above the allowed one.

    A new area may take over the count of an area that no longer exists, so that files can move.
    """
    is_moved = set(allowed) - set(present) and sum(present.values()) <= sum(allowed.values())
    return [
        area
        for area, number in sorted(present.items())
        if number > allowed.get(area, 0) and not (is_moved and area not in allowed)
    ]


def write_table(counts: dict[str, dict[str, int]]) -> None:
    """Write the allowed counts, each with a blank line around it, so that few changes conflict."""
    lines = ["# Allowed findings by area; see language.py. The numbers may only fall.\n"]
    for name, numbers in counts.items():
        lines.append(f"[{name}]\n")
        lines += [f'"{area}" = {number}\n' for area, number in sorted(numbers.items())]
    TABLE.write_text("\n".join(lines), encoding="utf-8")


def update() -> int:
    """Lower the table to the present counts; return 1 and change nothing if one would rise."""
    allowed, present = load_table(), measure()
    raised: list[str] = []
    for name, counts in present.items():
        raised += [f"{name}: {area}" for area in list_raised(allowed[name], counts)]
    if raised:
        print("These counts are above the table; nothing was changed:", *raised, sep="\n  ")
        return 1
    write_table(present)
    return 0


def print_counts() -> None:
    """Print the findings of each area, and their number per 10,000 words."""
    found, words = count_expressions()
    for area, number in sorted(words.items()):
        if number:
            print(f"{found[area]:6} {10_000 * found[area] / number:7.1f} of 10,000 words  {area}")
    total = sum(found.values())
    print(f"{total:6} {10_000 * total / sum(words.values()):7.1f} of 10,000 words  in all")


def print_findings(places: Iterable[str]) -> None:
    """Print each finding in these files and folders, as path:line."""
    folders = [Path(place) for place in places]
    for path in list_prose():
        if any(path.is_relative_to(folder) for folder in folders):
            for passage in extract(path, read(path)):
                for finding in find_expressions(path, passage):
                    print(f"{finding.path}:{finding.line}: {finding.expression}")


def main() -> int:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.house.language", description=__doc__)
    parser.add_argument("places", nargs="*", metavar="PATH", help=f"relative to {ROOT.name}")
    parser.add_argument("--update", action="store_true", help="lower the table of allowed counts")
    arguments = parser.parse_args()
    if arguments.update:
        return update()
    if arguments.places:
        print_findings(arguments.places)
    else:
        print_counts()
    return 0


if __name__ == "__main__":
    sys.exit(main())
