"""Each part reads its settings in one place, and the server knows all their names."""

from trapline.server.settings import Settings, known_names
from trapline.worker.settings import WorkerSettings


def test_the_server_knows_every_name_that_the_worker_reads() -> None:
    """Otherwise `trapline up` would refuse to start in an environment where the worker's settings are set."""
    names = {f"TRAPLINE_{name.upper()}" for name in WorkerSettings.model_fields}
    assert not names - known_names()


def test_every_setting_is_described() -> None:
    """The reference of settings is made of these sentences."""
    assert not [name for name, field in Settings.model_fields.items() if not field.description]
