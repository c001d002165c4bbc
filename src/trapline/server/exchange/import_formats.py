"""The formats that imports read, each in a file of its own that is loaded when it is asked for."""

from pathlib import Path

from trapline.server.exchange.import_records import Reader
from trapline.wire.imports import ImportFormat, ImportOptions


def open_reader(kind: ImportFormat, path: Path, options: ImportOptions) -> Reader:
    """Open a file and look through it. Raises Unreadable."""
    match kind:
        case ImportFormat.MEGADETECTOR:
            from trapline.server.exchange.import_megadetector import MegadetectorReader

            return MegadetectorReader(path, options)
        case ImportFormat.SPECIESNET:
            from trapline.server.exchange.import_speciesnet import SpeciesnetReader

            return SpeciesnetReader(path, options)
        case ImportFormat.COCO:
            from trapline.server.exchange.import_coco import CocoReader

            return CocoReader(path, options)
        case ImportFormat.CAMTRAP_DP:
            from trapline.server.exchange.import_camtrap import CamtrapReader

            return CamtrapReader(path, options)
