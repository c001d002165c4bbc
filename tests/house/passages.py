"""Extract the prose of a file: documents, docstrings, comments, and texts for users.

Code is blanked with spaces, so that a position in a passage is a position in the file.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Passage:
    """A piece of prose. `line` is that of its first character; `kind` is "comments" or "texts"."""

    kind: str
    line: int
    text: str


_CODE_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"(`+)(?!`)[^\n]*?(?:\n(?!\s*\n)[^\n]*?)?(?<!`)\1(?!`)")
_LINK_TARGET = re.compile(r"(?<=\])\([^)\s]*\)|https?://\S+|<[a-z/!][^>]*>")
_SQL = re.compile(
    r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|FROM|WHERE|COALESCE)\b"
    r"|\b(?:insert into|delete from|is null|is not null)\b|\bupdate \w+(?: \w+)? set\b"
    r"|\bselect\b.+\bwhere\b|\bin \('|%\(\w+\)[sb]",
    re.DOTALL,
)
_SCRIPT = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)""",
    re.DOTALL,
)
_JSX_TEXT = re.compile(r"(?<=[>}])[^<>{}()=;&|]*[A-Za-z][^<>{}()=;&|]*(?=[<{])")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_HASH_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*|(?<=\s)## [^\n]*", re.MULTILINE)


def extract(path: Path, text: str) -> Iterator[Passage]:
    """Yield the prose of a file by its suffix; code spans, code blocks and URLs are blank."""
    for passage in _EXTRACTORS.get(path.suffix, _extract_hash_comments)(path, text):
        yield Passage(passage.kind, passage.line, blank_code(passage.text))


def blank_code(text: str) -> str:
    """Replace code blocks, code spans, link targets and HTML tags with spaces."""
    for pattern in (_CODE_BLOCK, _CODE_SPAN, _LINK_TARGET):
        text = pattern.sub(_blank, text)
    return text


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _extract_document(path: Path, text: str) -> Iterator[Passage]:
    yield Passage("", 1, text)


def _extract_python(path: Path, text: str) -> Iterator[Passage]:
    """Docstrings and comments; of src/ also the strings that look like prose."""
    tree = ast.parse(text)
    docstrings = {id(node): node for node in _walk_docstrings(tree)}
    for docstring in docstrings.values():
        yield Passage("comments", docstring.lineno, str(docstring.value))
    yield from _extract_python_comments(text)
    if path.parts[0] == "src" and "versions" not in path.parts:
        yield from _walk_strings(tree, set(docstrings))


def _walk_docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield docstrings, and the strings that describe the constant or field above them."""
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value


def _extract_python_comments(text: str) -> Iterator[Passage]:
    """Yield comments; the lines of one comment are one passage."""
    lines: list[str] = []
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        comment = token.string.lstrip("#:").strip()
        if lines and token.start[0] == first + len(lines):
            lines.append(comment)
            continue
        if lines:
            yield Passage("comments", first, "\n".join(lines))
        first, lines = token.start[0], [comment]
    if lines:
        yield Passage("comments", first, "\n".join(lines))


def _walk_strings(node: ast.AST, docstrings: set[int]) -> Iterator[Passage]:
    """Yield the strings that are prose; the values of an f-string are blank."""
    if isinstance(node, ast.JoinedStr):
        text = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            else:
                text += "{}"
                yield from _walk_strings(part, docstrings)
        if is_prose(text):
            yield Passage("texts", node.lineno, text)
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and id(node) not in docstrings and is_prose(node.value):
            yield Passage("texts", node.lineno, node.value)
        return
    for child in ast.iter_child_nodes(node):
        yield from _walk_strings(child, docstrings)


def is_prose(text: str) -> bool:
    """Return whether a string is a text for people: not SQL and not one lower-case word."""
    if _SQL.search(text):
        return False
    return bool(re.search(r"\w\s+\w", text) or re.fullmatch(r"[A-Z][a-z]+\W*", text))


def _extract_script(path: Path, text: str) -> Iterator[Passage]:
    """Comments, strings and JSX text of TypeScript; not class names and object keys."""
    for match in _SCRIPT.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["comment"]:
            comment = re.sub(r"^\s*(?:/\*+|\*+/|\*|//)", "", match["comment"], flags=re.MULTILINE)
            yield Passage("comments", line, comment.removesuffix("*/"))
        elif text.startswith(":", match.end()):
            continue
        elif not re.search(r"class(?:Name)?=\{?\s*\Z", text[: match.start()][-40:]):
            words = re.sub(r"\$\{[^{}]*\}", _blank, match["text"][1:-1])
            if is_prose(words):
                yield Passage("texts", line, words)
    if path.suffix == ".tsx":
        code = _SCRIPT.sub(_blank, text)
        for match in _JSX_TEXT.finditer(code):
            yield Passage("texts", text.count("\n", 0, match.start()) + 1, match.group())


def _extract_css(path: Path, text: str) -> Iterator[Passage]:
    for match in _CSS_COMMENT.finditer(text):
        yield Passage("comments", text.count("\n", 0, match.start()) + 1, match.group()[2:-2])


def _extract_hash_comments(path: Path, text: str) -> Iterator[Passage]:
    """Comments of files such as Makefile and pyproject.toml; NOTICE is prose as a whole."""
    if path.name == "NOTICE":
        yield Passage("", 1, text)
        return
    for match in _HASH_COMMENT.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Passage("comments", line, match.group().lstrip("# "))


_EXTRACTORS: dict[str, Callable[[Path, str], Iterator[Passage]]] = {
    ".md": _extract_document,
    ".py": _extract_python,
    ".ts": _extract_script,
    ".tsx": _extract_script,
    ".css": _extract_css,
}
