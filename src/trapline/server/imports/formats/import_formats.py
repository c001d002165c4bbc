"""Open the reader of an import format; each reader's module is imported on first use."""

from pathlib import Path

from trapline.server.imports.formats.foreign_files import recognise_file
from trapline.server.imports.formats.import_records import FormatReader, UnreadableFile
from trapline.wire.imports import ImportFormat, ImportOptions


def open_reader(kind: ImportFormat, path: Path, options: ImportOptions) -> FormatReader:
    """Open a file and read its structure.

    Raises:
        UnreadableFile: the message explains what to do if the file is of a known program.
    """
    try:
        return _open(kind, path, options)
    except UnreadableFile as error:
        known = recognise_file(path)
        if known is None:
            raise
        raise UnreadableFile(known) from error


def _open(kind: ImportFormat, path: Path, options: ImportOptions) -> FormatReader:
    match kind:
        case ImportFormat.MEGADETECTOR:
            from trapline.server.imports.formats.import_megadetector import MegadetectorReader

            return MegadetectorReader(path, options)
        case ImportFormat.SPECIESNET:
            from trapline.server.imports.formats.import_speciesnet import SpeciesnetReader

            return SpeciesnetReader(path, options)
        case ImportFormat.COCO:
            from trapline.server.imports.formats.import_coco import CocoReader

            return CocoReader(path, options)
        case ImportFormat.CAMTRAP_DP:
            from trapline.server.imports.formats.import_camtrap import CamtrapReader

            return CamtrapReader(path, options)
