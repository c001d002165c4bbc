"""The page about taxa, in a real browser: take a list in, find a taxon by any name, say what labels mean."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import Watched
from tests.acceptance.seat import Seat

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of playwright's own sockets at its end


@pytest.fixture
def counted(seat: Seat) -> Iterator[str]:
    """A label that was found in the project, which means nothing before and afterwards."""
    project = seat.scene.project
    with seat.server.open() as owner:
        label = owner.count_classes(project)[0].class_name
        yield label
        owner.map_labels(project, {label: None})


def test_a_list_comes_in_and_labels_are_given_their_meaning(seat: Seat, tab: Watched, counted: str) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/settings/taxa")
    sheet = (
        "scientific_name,authorship,rank,synonym_of,common_name_en,common_name_de,colour\n"
        f'Puma concolor,"(Linnaeus, 1771)",species,,{counted}|Cougar,Berglöwe,red\n'
        "Felis concolor,,species,Puma concolor,,,\n"
        "Vulpes vulpes,,species,,Red fox,Rotfuchs,\n"
        "Lynx,,genus,Nobody,,,\n"
    )
    page.get_by_test_id("taxa").set_input_files({"name": "taxa.csv", "mimeType": "text/csv", "buffer": sheet.encode()})
    told = page.get_by_role("dialog")
    expect(told).to_contain_text("3 made, 0 changed, 0 as they were, 1 not taken.")
    expect(told).to_contain_text("line 5, synonym_of: Nobody is neither in this file nor on the list")
    expect(told).to_contain_text("Columns that mean nothing here: colour.")
    told.get_by_role("button", name="Close").last.click()

    page.get_by_label("Search by any name").fill("berglö")
    rows = page.get_by_test_id("taxon-list").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("also Felis concolor")

    label = page.locator(f'[data-label-name="{counted}"]')
    label.get_by_role("button", name="Take Puma concolor").click()
    expect(label.get_by_role("combobox")).to_have_value("Puma concolor")
    expect(rows).to_contain_text(counted)
    label.get_by_role("combobox").fill("rotf")
    page.get_by_role("option", name="Vulpes vulpes").click()
    expect(label.get_by_role("combobox")).to_have_value("Vulpes vulpes")
    with seat.server.open() as owner:
        meant = {one.label: one.scientific_name for one in owner.list_taxon_labels(project=seat.scene.project).results}
    assert meant[counted] == "Vulpes vulpes"
