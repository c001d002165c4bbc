"""The data of a scene: a project with images, a registered pipeline, and tokens."""

from pathlib import Path
from typing import NamedTuple

from tests.support.api_project import make_field
from trapline.server.app.hooks import register_hooks
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.platform.imaging.decoder_pool import DecoderPool
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.url_signatures import FILES
from trapline.server.platform.vault import SecretKeys

SECRET = "one secret key for all the fault tests"


class Camp(NamedTuple):
    """A project's id, the tokens of its owner and of its workers, and its images."""

    project: int
    owner: str
    worker: str
    images: list[str]


async def make_camp(folder: Path, database_url: str, images: int, name: str = "field") -> Camp:
    """Make a project in a database that is there already."""
    register_hooks()
    keys = SecretKeys({1: SECRET.encode()})
    database, decoders = Database(database_url), DecoderPool(processes=1)
    system = AppContext(
        database=database,
        store=LocalStore(folder / "store", keys.derive_all(FILES), "http://trapline.test"),
        decoders=decoders,
        outbound=OutboundPolicy(),
        secrets=keys,
        public_url="http://trapline.test",
    )
    try:
        made = await make_field(system, images=images, name=name)
        await made.client.aclose()
        return Camp(made.project, made.owner, made.worker, [str(image) for image in made.images])
    finally:
        await decoders.close()
        await database.close()
