"""A gateway that is only registered with the server has its fields in the form of the page."""

import base64
import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser_session import open_tab
from tests.support.camera_images import make_picture
from tests.support.running_server import RunningServer
from tests.support.signed_in_browser import sign_in

from trapline.wire.deployments import NewDeployment
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # from sockets of playwright at its end

GATEWAY = """
import base64
from contextlib import asynccontextmanager

from pydantic import Field

from trapline.server.platform.network.open_file import OpenFile
from trapline.server.sources.actions.gateways import OPENERS
from trapline.server.sources.gateways.gateway import RemoteFile
from trapline.wire.gateway_options import GATEWAYS, SECRET, GatewayInfo
from trapline.wire.sources import AuthType
from trapline.wire.values import Request, Text

IMAGE = base64.b64decode("{image}")


class StationLimits(Request):
    newest: int = Field(5, title="Newest images", examples=[5])


class StationOptions(Request):
    station: Text = Field(title="Station", description="The name on its case.")
    is_mobile: bool = Field(False, title="Mobile station")
    pin: Text | None = Field(None, title="PIN", json_schema_extra=SECRET)
    limits: StationLimits = Field(StationLimits(), title="Limits")


class Stations:
    def __init__(self, station):
        self.path = station + ".jpg"

    async def list_files(self, walk=None):
        yield RemoteFile(self.path, size=len(IMAGE), fingerprint="1")

    @asynccontextmanager
    async def open_file(self, path, known_etag=None):
        async def chunks():
            yield IMAGE

        yield OpenFile(len(IMAGE), None, "1", chunks())

    async def close(self):
        pass


GATEWAYS["stations"] = GatewayInfo(
    "Station", "A station of a sensor network.", ("station",), "station://network/",
    StationOptions, auth_types=(AuthType.NONE,),
)
OPENERS["stations"] = lambda system, row, timeouts: Stations(row.options["station"])
"""


def test_an_added_gateway_has_its_fields_in_the_form(
    browser: Browser, own_server: RunningServer, tmp_path: Path
) -> None:
    image = base64.b64encode(make_picture(1)).decode()
    # Each process of the server imports this module when it starts.
    (tmp_path / "sitecustomize.py").write_text(GATEWAY.replace("{image}", image))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    own_server.settings = {**own_server.settings, "PYTHONPATH": path}
    own_server.start()
    with own_server.open() as owner, open_tab(browser, own_server.base_url) as tab:
        project = owner.create_project(NewProject(name="Ford")).id
        owner.create_deployment(NewDeployment(project=project, name="Ford"))
        sign_in(tab)
        page = tab.open(f"/projects/{project}/sources/new")
        page.get_by_label("URL").fill("station://network/")
        expect(page.get_by_role("radio", name="Station")).to_be_checked()
        expect(page.get_by_text("A station of a sensor network.")).to_be_visible()
        expect(page.get_by_text("The name on its case.")).to_be_visible()
        page.get_by_role("textbox", name="Station").fill("north")
        page.get_by_label("Mobile station").check()
        page.get_by_label("PIN").fill("canary-4711")
        page.get_by_role("group", name="Limits").get_by_label("Newest images").fill("7")
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_test_id("test-result")).to_contain_text("north.jpg", timeout=60_000)
        page.get_by_role("button", name="Add the source").click()
        expect(page.get_by_text("(Station)")).to_be_visible()

        (source,) = owner.list_sources(project=project).results
        assert source.gateway == "stations"
        assert source.options == {"station": "north", "is_mobile": True, "limits": {"newest": 7}}
        assert source.secret_options == ["pin"]
        page.get_by_role("button", name="Edit").click()
        expect(page.get_by_role("textbox", name="Station")).to_have_value("north")
        expect(page.get_by_label("Newest images")).to_have_value("7")
        expect(page.get_by_text("Stored, and never shown again.")).to_be_visible()
