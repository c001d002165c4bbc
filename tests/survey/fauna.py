"""The species, places, cameras and names from which the truth of the survey is drawn."""

from typing import Any

SPECIES: dict[str, dict[str, Any]] = {
    "red_fox": {
        "scientific_name": "Vulpes vulpes",
        "common_names": {"de": ["Rotfuchs"], "en": ["red fox", "fox"], "fr": ["renard roux"]},
        "synonyms": ["Canis vulpes"],
        "colour": (200, 90, 30),
    },
    "roe deer": {
        "scientific_name": "Capreolus capreolus",
        "common_names": {"de": ["Reh"], "en": ["roe deer"], "pl": ["sarna europejska"]},
        "synonyms": ["Cervus capreolus"],
        "colour": (150, 110, 60),
    },
    "wild boar": {
        "scientific_name": "Sus scrofa",
        "common_names": {"de": ["Wildschwein"], "en": ["wild boar"]},
        "synonyms": [],
        "colour": (90, 70, 60),
    },
    "badger": {
        "scientific_name": "Meles meles",
        "common_names": {},
        "synonyms": [],
        "colour": (170, 170, 170),
    },
    "lynx": {
        "scientific_name": "Lynx lynx",
        "common_names": {"de": ["Luchs"], "en": ["Eurasian lynx"], "sv": ["lo", "lodjur"]},
        "synonyms": ["Felis lynx"],
        "sensitive": True,
        "colour": (210, 180, 120),
    },
}
"""Animals by the label of models; every label is mapped to its taxon."""

PERSON, VEHICLE, UNMAPPED = "person", "vehicle", "grey thing"
OTHERS: dict[str, tuple[int, int, int]] = {
    PERSON: (40, 60, 200),
    VEHICLE: (200, 200, 40),
    UNMAPPED: (120, 120, 120),
}
"""Labels without a taxon, with the colours that they are drawn in."""
ANIMAL, PLATE = "animal", "license plate"
"""Labels of detectors that know no species, or nothing but number plates."""

PLACES: list[dict[str, Any]] = [
    {
        "name": "Old oak",
        "latitude": 48.1,
        "longitude": 8.2,
        "time_zone": "Europe/Berlin",
        "clock_offset_s": 0,
    },
    {
        "name": "Bächle, süd",
        "latitude": 53.5,
        "longitude": -113.5,
        "time_zone": "America/Edmonton",
        "clock_offset_s": 3600,
    },
    {
        "name": "Kruger 50% east",
        "latitude": -24.0,
        "longitude": 31.5,
        "time_zone": "Africa/Johannesburg",
        "clock_offset_s": -95,
    },
    {
        "name": "=Ford",
        "latitude": 27.7,
        "longitude": 85.3,
        "time_zone": "Asia/Kathmandu",
        "clock_offset_s": 0,
    },
    {
        "name": "Hut / north",
        "latitude": -36.8,
        "longitude": 174.7,
        "time_zone": "Pacific/Auckland",
        "clock_offset_s": 0,
    },
]
"""The first places of each size; further ones are generated.

One clock is an hour slow, one 95 seconds fast.
"""

CAMERAS: list[dict[str, Any]] = [
    {
        "make": "RECONYX",
        "model": "HYPERFIRE 2",
        "folder": "DCIM/1{card:02}RECNX",
        "file": "RCNX{index:04}.JPG",
    },
    {
        "make": "BUSHNELL",
        "model": "119876",
        "folder": "DCIM/1{card:02}EK113",
        "file": "EK{index:06}.JPG",
    },
    {
        "make": "Browning",
        "model": "BTC-8E",
        "folder": "DCIM/1{card:02}_BTCF",
        "file": "IMG_{index:04}.JPG",
    },
    {
        "make": "SpyPoint",
        "model": "FORCE-20",
        "folder": "DCIM/1{card:02}DSCIM",
        "file": "PICT{index:04}.JPG",
    },
]
"""Cameras with the layouts of their cards; each folder repeats the file names of the one before."""

ODD_NAMES = [
    "IMG 0001 (1).JPG",
    'it\'s "quoted".JPG',
    "100% sure.JPG",
    "Füchse am Bächle.JPG",
    "no\u00a0break.JPG",
    "ideo\u3000graphic.JPG",
    "zero\u200bwidth.JPG",
    "plus+and&hash#1.JPG",
    "semi;colon.JPG",
]
"""Names from cameras, people and archive programs that listings, URLs or tables may change."""

REVIEWERS = ["Ada Review", "Ben Check", "Cleo Look"]
