"""An external pipeline that sends signed callbacks, over HTTP without a socket."""

import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2

from tests.support.api_project import Field
from tests.support.image_factory import make_png
from trapline.client.signing import sign_v1, sign_v2


@dataclass
class Outside:
    """One stand-alone analysis, and what signs for it."""

    field: Field
    id: str
    secret: str
    _calls: int = 0

    def _earlier(self) -> float:
        self._calls += 1
        return time.time() - self._calls % 250

    async def call(
        self,
        method: str,
        path: str = "",
        body: Any = None,
        *,
        secret: str | None = None,
        headers: Any = None,
    ) -> httpx2.Response:
        """Call back, signed with the secret of the analysis or another one."""
        content = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        # Each a second earlier: the same bytes signed within one second are one request.
        signed = (
            sign_v1(secret or self.secret, content, clock=self._earlier)
            if headers is None
            else headers
        )
        return await self.field.client.request(
            method, f"/api/analyses/{self.id}{path}", content=content or None, headers=signed
        )

    async def call_v2(
        self, key: dict[str, Any], method: str, path: str = "", body: Any = None
    ) -> httpx2.Response:
        """Call back, signed with a service key."""
        content = b"" if body is None else json.dumps(body).encode()
        target = f"/api/analyses/{self.id}{path}"
        headers = sign_v2(key["key_id"], key["secret"], method, target, content)
        return await self.field.client.request(
            method, target, content=content or None, headers=headers
        )

    async def post(self, annotations: list[dict[str, Any]], mode: str = "append") -> dict[str, Any]:
        """Post valid annotations.

        If the server is too busy, the request is repeated, as the guide says.
        """
        for _ in range(10):
            answer = await self.call(
                "POST", "/annotations:bulk", {"annotations": annotations, "mode": mode}
            )
            if answer.status_code != 503:
                break
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def presign(
        self, filename: str, kind: str = "heatmap", **announced: Any
    ) -> dict[str, Any]:
        """Ask for an address to upload to."""
        asked = {"artifact_type": kind, "filename": filename, **announced}
        answer = await self.call("POST", "/artifacts/presign", asked)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def upload(self, signed: dict[str, Any], content: bytes) -> httpx2.Response:
        """Upload to an address, with nothing but what was answered with it."""
        headers = {**signed["headers"], "Content-Length": str(len(content))}
        return await self.fetch(signed["upload_url"], "PUT", content=content, headers=headers)

    async def fetch(self, address: str, method: str = "GET", **sent: Any) -> httpx2.Response:
        """Ask an address that needs nothing else, ours or the S3 server's."""
        if address.startswith(str(self.field.client.base_url)):
            return await self.field.client.request(method, address, **sent)
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.request(method, address, **sent)

    async def add_file(
        self, filename: str, kind: str = "heatmap", content: bytes | None = None
    ) -> str:
        """Upload a file that is right; answers what to cite."""
        signed = await self.presign(filename, kind)
        answer = await self.upload(signed, make_png() if content is None else content)
        assert answer.is_success, answer.text
        return str(signed["storage_path"])

    async def show(self) -> dict[str, Any]:
        """Show the analysis to its owner."""
        answer = await self.field.call("GET", f"/analyses/{self.id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def begin(field: Field, image: UUID | None = None, **changes: Any) -> Outside:
    """Make an analysis of an image of the field."""
    answer = await ask(field, image, **changes)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Outside(field, made["id"], made["callback_secret"])


async def ask(field: Field, image: UUID | None = None, **changes: Any) -> httpx2.Response:
    """Ask for an analysis."""
    image_id = str(image or field.images[0])
    body = {"image_id": image_id, "model_name": "deer-net", "model_version": "1.0"} | changes
    headers = {"Authorization": f"Bearer {field.owner}"}
    return await field.client.post(f"/api/images/{image_id}/analyses", json=body, headers=headers)


def box(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Build a box on an image of the project, a different one for each number."""
    left = 1.5 + number / 64
    data = {
        "x_min": left,
        "y_min": 2,
        "x_max": left + 30,
        "y_max": 40,
        "image_width": 200,
        "image_height": 100,
    }
    return {
        "annotation_type": "bounding_box", "class_name": "deer", "confidence": 0.9, "data": data,
        "ordering": number
    } | changes  # fmt: skip


async def analyse(
    field: Field, image: UUID, *found: dict[str, Any], model: str = "net"
) -> list[str]:
    """Analyse an image with an external pipeline; returns the ids of its annotations."""
    outside = await begin(field, image, model_name=model)
    posted = (await outside.post(list(found)))["annotations"] if found else []
    ended = await outside.call("POST", "/finalize", {"status": "completed"})
    assert ended.status_code == 200, ended.text
    return [one["id"] for one in posted]
