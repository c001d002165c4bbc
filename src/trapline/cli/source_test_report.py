"""Result of a source test, as text or as JSON."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trapline.wire.sources import SourceTestResult

KNOWN_FROM = {
    "exif": "EXIF",
    "filename": "its name",
    "modified_time": "its modified time",
    "received_time": "its arrival",
}


def print_source_test(
    test: "SourceTestResult", *, as_json: bool, to_errors: bool, added: bool
) -> None:
    """Print the result of a source test. Raises CommandError if the test failed."""
    from trapline.cli.errors import CommandError
    from trapline.cli.output import build_console, print_json, print_table

    if as_json:
        print_json(test)
    elif test.files and not to_errors:
        print_table(
            ("file", "bytes", "pixels", "taken", "known from", "trouble"),
            [
                (
                    it.path,
                    it.size,
                    f"{it.width} × {it.height}" if it.width else None,
                    it.captured_at,
                    KNOWN_FROM.get(it.captured_at_source or "", it.captured_at_source),
                    it.detail,
                )
                for it in test.files
            ],
        )
    if test.health not in ("ok", "failing") and not as_json:
        build_console(to_errors=to_errors).print(f"Health: {test.health}", markup=False)
    if not test.ok:
        raise CommandError(
            f"The test failed: {test.detail.rstrip('.')}."
            + ("" if added else " Nothing was added.")
        )
    if not as_json:
        build_console(to_errors=to_errors).print(test.detail, markup=False)
