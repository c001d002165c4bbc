"""Lists of taxa: own format, Darwin Core, GBIF, and archives; other files are refused."""

import io
import zipfile
from typing import Any

import pytest

from trapline.server.platform.errors import InvalidRequest
from trapline.server.review.formats.darwin_core import MOST_UNPACKED
from trapline.server.review.formats.taxon_lists import TaxonList, parse_taxon_list
from trapline.server.review.formats.taxon_tables import MOST_ROWS


def values_of(told: TaxonList) -> list[dict[str, Any]]:
    return [line.values for line in told.lines]


def test_a_table_of_ours() -> None:
    told = parse_taxon_list(
        "\ufeffscientific_name;rank;synonym_of;gbif_key;common_name_en;common_name_pt_BR;"
        "family;colour\r\n"
        "Puma concolor;Species;;2435099;Puma| cougar ;Onça-parda;Felidae;x\r\n"
        ";;;;;;;\r\n"
        "Felis concolor;;Puma concolor;;;;;\r\n"
        "Vulpes;;;abc;;;;\r\n"
        ";;;;;;Felidae;\r\n"
        "Lynx;;;;;;;;more\r\n".encode()
    )
    assert values_of(told) == [
        {
            "scientific_name": "Puma concolor",
            "rank": "species",
            "gbif_key": 2435099,
            "common_names": {"en": ["Puma", "cougar"], "pt-br": ["Onça-parda"]},
            "higher_ranks": {"family": "Felidae"},
        },
        {"scientific_name": "Felis concolor"},
    ]
    assert [(line.line, line.has_status, line.accepted) for line in told.lines] == [
        (2, True, None),
        (4, True, "Puma concolor"),
    ]
    assert sorted(where[:2] for where in told.problems) == [
        (5, "gbif_key"),
        (6, "scientific_name"),
        (7, "row"),
    ]
    assert told.ignored == ["colour"]


def test_a_table_of_darwin_core() -> None:
    told = parse_taxon_list(
        b"taxonID\tdwc:scientificName\tscientificNameAuthorship\ttaxonRank\tacceptedNameUsageID\t"
        b"parentNameUsageID\tvernacularName\tlanguage\n"
        b"1\tFelidae\t\tfamily\t\t\t\t\n"
        b'2\t"Puma concolor (Linnaeus, 1771)"\t(Linnaeus, 1771)\tspecies\t2\t1\tpuma\ten\n'
        b"3\tFelis concolor Linnaeus, 1771\t\tspecies\t2\t1\n"
        b"4\tX y\t\t\t9\n"
    )
    assert values_of(told)[1:] == [
        {
            "scientific_name": "Puma concolor",
            "authorship": "(Linnaeus, 1771)",
            "rank": "species",
            "external_id": "2",
            "higher_ranks": {"family": "Felidae"},
            "common_names": {"en": ["puma"]},
        },
        {
            "scientific_name": "Felis concolor",
            "authorship": "Linnaeus, 1771",
            "rank": "species",
            "external_id": "3",
            "higher_ranks": {"family": "Felidae"},
        },
    ]
    assert [line.accepted for line in told.lines] == [None, None, "Puma concolor"]
    assert [where[:2] for where in told.problems] == [(5, "acceptedNameUsageID")]


def test_a_list_of_gbif_and_its_keys_alone() -> None:
    told = parse_taxon_list(
        b"taxonKey,scientificName,acceptedTaxonKey,acceptedScientificName,taxonRank,kingdom,"
        b"taxonomicStatus\n"
        b'5219243,"Vulpes vulpes (Linnaeus, 1758)",5219243,"Vulpes vulpes (Linnaeus, '
        b'1758)",SPECIES,Animalia,ACCEPTED\n'
        b'1,"Canis vulpes Linnaeus, 1758",5219243,"Vulpes vulpes (Linnaeus, '
        b'1758)",SPECIES,Animalia,SYNONYM\n'
        b'3,"Canis minor L.",4,"Lynx lynx (Linnaeus, 1758)",SPECIES,Animalia,SYNONYM\n'
    )
    assert [
        (line.values["scientific_name"], line.accepted, line.accepted_gbif) for line in told.lines
    ] == [
        ("Vulpes vulpes", None, None),
        ("Canis vulpes", None, 5219243),
        ("Canis minor", "Lynx lynx", None),
    ]
    assert told.ignored == ["taxonomicstatus"]
    keys = parse_taxon_list(b"https://www.gbif.org/species/5219243\n2435099\n\n12.0\n")
    assert values_of(keys) == [{"gbif_key": 5219243}, {"gbif_key": 2435099}, {"gbif_key": 12}]


META = """<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="UTF-8"
fieldsTerminatedBy="\\t" fieldsEnclosedBy="" ignoreHeaderLines="1"
rowType="http://rs.tdwg.org/dwc/terms/Taxon">
<files><location>taxon.txt</location></files><id index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/></core>
<extension fieldsTerminatedBy="\\t" fieldsEnclosedBy=""
rowType="http://rs.gbif.org/terms/1.0/VernacularName">
<files><location>names.txt</location></files><coreid index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/vernacularName"/>
<field index="2" term="http://purl.org/dc/terms/language"/></extension></archive>"""
TAXA = "id\tname\n7\tLynx lynx (Linnaeus, 1758)\n"


def pack(packing: int = zipfile.ZIP_DEFLATED, /, **files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


def test_an_archive_with_names_of_its_own() -> None:
    told = parse_taxon_list(
        pack(
            meta_xml=META, taxon_txt=TAXA, names_txt='7\tLuchs\tde\n7\t"lynx\tEnglish\n8\tfox\ten\n'
        )
    )
    assert values_of(told) == [
        {
            "scientific_name": "Lynx lynx",
            "authorship": "(Linnaeus, 1758)",
            "external_id": "7",
            "common_names": {"de": ["Luchs"], "und": ['"lynx']},
        }
    ]
    assert told.lines[0].line == 2
    assert values_of(parse_taxon_list(pack(list_csv="scientific_name\nMeles meles\n"))) == [
        {"scientific_name": "Meles meles"}
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "first line must name the columns"),
        (b"name\nfox\n", "one of them scientific_name"),
        (b"scientific_name,scientific_name\n", "More than one column"),
        (b"scientific_name\n\xff\n", "UTF-8"),
        (b"scientific_name\n" + b"a" * 200_000, "Line 2 is not CSV"),
        (b"PK\x03\x04 and no archive", "cannot be unpacked"),
        (pack(taxon_txt=TAXA, other_txt=""), "has no meta.xml"),
        (pack(meta_xml="<archive", taxon_txt=TAXA), "meta.xml cannot be read"),
        (pack(meta_xml='<!DOCTYPE a [<!ENTITY b "c">]><a/>', taxon_txt=TAXA), "entities"),
        (
            pack(meta_xml=META.replace("terms/Taxon", "terms/Occurrence"), taxon_txt=TAXA),
            "not a list of taxa",
        ),
        (pack(meta_xml=META, names_txt=""), "'taxon.txt', which is not in the archive"),
        (
            pack(meta_xml=META.replace('encoding="UTF-8"', 'encoding="latin1"'), taxon_txt=TAXA),
            "not in UTF-8",
        ),
        (pack(meta_xml=META.replace("\\t", "||"), taxon_txt=TAXA), "more than one character"),
        (
            pack(zipfile.ZIP_LZMA, meta_xml=META, taxon_txt=TAXA),
            "compression method that is not supported",
        ),
        (pack(meta_xml=META, taxon_txt=TAXA)[:-40], "cannot be unpacked"),
    ],
)
def test_a_file_that_is_not_a_list_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match="Nothing was changed") as refused:
        parse_taxon_list(body)
    assert words in str(refused.value)


def test_too_large_archives_are_refused_before_unpacking() -> None:
    bomb = pack(meta_xml=META, taxon_txt=TAXA + "\t" * (MOST_UNPACKED + 1))
    assert len(bomb) < 100_000
    with pytest.raises(InvalidRequest, match="too large when it is unpacked"):
        parse_taxon_list(bomb)
    with pytest.raises(InvalidRequest, match="more than 1,000 files"):
        parse_taxon_list(pack(**{f"file_{number}": "" for number in range(1001)}))
    with pytest.raises(InvalidRequest, match="more than 50,000 taxa"):
        parse_taxon_list(b"scientific_name\n" + b"a\n" * (MOST_ROWS + 1))
