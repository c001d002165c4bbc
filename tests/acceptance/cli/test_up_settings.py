"""Settings of `trapline up`: flags override the environment, `.env` and defaults."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.running_server import RunningServer, read_environment, wait_for
from tests.support.settings_values import KEY, SERVER_VALUES

from trapline.server.app.settings import Settings, load_settings
from trapline.server.platform.postgres.postgres import find_free_port, start_postgres, stop_postgres

ALLOWED = "Pull sources in private networks are allowed"
# They need a server of another kind or its files, which other tests have, or are set by the tests
# themselves.
NOT_HERE = (
    "DATABASE_URL",
    "S3_",
    "TRAPLINE_DATA",
    "TRAPLINE_METRICS_LISTEN",
    "TRAPLINE_NATS_ACCOUNT_SEED",
    "TRAPLINE_NATS_CA_FILE",
    "TRAPLINE_NATS_CERTIFICATE_FILE",
    "TRAPLINE_NATS_CREDENTIALS_FILE",
    "TRAPLINE_NATS_KEY_FILE",
    "TRAPLINE_PUBLIC_URL",
)


def write_env_file(server: RunningServer, **values: str) -> None:
    """Write the `.env` file of the folder in which the server is started."""
    (server.data / ".env").write_text(
        "".join(f"{name}='{text}'\n" for name, text in values.items()), encoding="utf-8"
    )


def read_settings_of(server: RunningServer, part: str = "api") -> Settings:
    """The settings of a real process, from its environment and the file that it reads."""
    return load_settings(read_environment(server.find(part)), server.data / ".env")


def read_greeting(server: RunningServer) -> str:
    """Return the output of the last start, after API and background process have started."""
    server.find("background")
    wait_for("the greeting", lambda: "Ctrl-C stops it" in _after_last_stop(server), 10)
    return _after_last_stop(server)


def _after_last_stop(server: RunningServer) -> str:
    return server.log.read_text(encoding="utf-8").rpartition("Stopping.\n")[2]


@pytest.mark.parametrize("origin", ["environment", pytest.param("file", marks=pytest.mark.long)])
def test_it_starts_with_every_documented_setting(own_server: RunningServer, origin: str) -> None:
    given = {name: value for name, value in SERVER_VALUES.items() if not name.startswith(NOT_HERE)}
    texts = {name: value.text for name, value in given.items()}
    own_server.settings = texts if origin == "environment" else {}
    if origin == "file":
        write_env_file(own_server, **texts)
    own_server.start()
    for part in ("api", "background"):
        settings = read_settings_of(own_server, part)
        assert (settings.ml_hmac_min_version, settings.lease_s, settings.decoders) == (2, 2.5, 3)
        assert settings.secret_key is not None
        assert settings.secret_key.get_secret_value() == KEY
    assert own_server.stop() == 0


def test_without_any_setting_the_defaults_of_up_apply(own_server: RunningServer) -> None:
    own_server.arguments = ()
    own_server.settings = {
        "TRAPLINE_SERVER": "https://elsewhere.example.org",
        "TRAPLINE_TOKEN": "a person's token",
    }
    own_server.start()
    settings = read_settings_of(own_server)
    assert settings.allow_private_sources is True
    assert settings.source_folders == ("/media", "/mnt", "/run/media", "/Volumes")
    assert settings.public_url == f"http://localhost:{own_server.port}"
    assert settings.data == own_server.data
    assert ALLOWED in read_greeting(own_server)
    worker = read_environment(own_server.find("worker"))
    assert worker["TRAPLINE_OUTBOX"] == str(own_server.data / "outbox")
    # The server and the token of the worker are those of this Trapline, whatever commands use.
    assert worker["TRAPLINE_SERVER"] == own_server.base_url
    assert (
        worker["TRAPLINE_TOKEN"]
        == (own_server.data / "worker-token").read_text(encoding="utf-8").strip()
    )


def test_the_file_is_over_the_defaults_of_up(own_server: RunningServer) -> None:
    own_server.arguments = ()
    own_server.settings = {}
    metrics = find_free_port()
    write_env_file(
        own_server,
        TRAPLINE_OUTBOX="/srv/file",
        TRAPLINE_ALLOW_PRIVATE_SOURCES="false",
        TRAPLINE_SOURCE_FOLDERS="/srv/file",
        TRAPLINE_PUBLIC_URL="https://file.example.org",
        TRAPLINE_METRICS_LISTEN=str(metrics),
    )
    own_server.start()
    settings = read_settings_of(own_server)
    assert settings.allow_private_sources is False
    assert settings.source_folders == ("/srv/file",)
    assert settings.public_url == "https://file.example.org"
    assert own_server.get_text(f"http://127.0.0.1:{metrics}/metrics").startswith("#")
    assert ALLOWED not in read_greeting(own_server)
    assert "TRAPLINE_OUTBOX" not in read_environment(own_server.find("worker")), (
        "the worker reads it from the file"
    )


def test_the_environment_is_over_the_file_and_flags_are_over_both(
    own_server: RunningServer,
) -> None:
    in_file, in_environment = find_free_port(), find_free_port()
    write_env_file(
        own_server,
        TRAPLINE_ALLOW_PRIVATE_SOURCES="true",
        TRAPLINE_SOURCE_FOLDERS="/srv/file",
        TRAPLINE_PUBLIC_URL="https://file.example.org",
        TRAPLINE_METRICS_LISTEN=str(in_file),
        TRAPLINE_DATA="/nonexistent/file",
        TRAPLINE_OUTBOX="/nonexistent/file",
    )
    own_server.settings = {
        "TRAPLINE_ALLOW_PRIVATE_SOURCES": "false",
        "TRAPLINE_SOURCE_FOLDERS": "/srv/environment",
        "TRAPLINE_PUBLIC_URL": "https://environment.example.org",
        "TRAPLINE_METRICS_LISTEN": str(in_environment),
        "TRAPLINE_DATA": "/nonexistent/environment",
        "TRAPLINE_OUTBOX": str(own_server.data / "environment"),
    }
    own_server.arguments = ()
    own_server.start()
    settings = read_settings_of(own_server)
    assert settings.allow_private_sources is False
    assert settings.source_folders == ("/srv/environment",)
    assert settings.public_url == "https://environment.example.org"
    assert settings.data == own_server.data, "the flag --data"
    assert own_server.get_text(f"http://127.0.0.1:{in_environment}/metrics").startswith("#")
    assert ALLOWED not in read_greeting(own_server)
    worker = read_environment(own_server.find("worker"))
    assert worker["TRAPLINE_OUTBOX"] == str(own_server.data / "environment")
    own_server.stop()
    own_server.arguments = ("--no-worker", "--private-sources")
    own_server.start()
    assert read_settings_of(own_server).allow_private_sources is True
    assert ALLOWED in read_greeting(own_server)


@contextmanager
def a_postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL with an empty, migrated database that is not the server's own."""
    running = start_postgres(folder)
    try:
        yield running.url
    finally:
        stop_postgres(running)


def test_the_database_of_the_environment_is_over_that_of_the_file(
    own_server: RunningServer, make_prepared: Callable[[], Path]
) -> None:
    with a_postgresql(make_prepared()) as url:
        write_env_file(own_server, DATABASE_URL="postgresql://nobody:nothing@127.0.0.1:9/none")
        own_server.settings = {"DATABASE_URL": url}
        own_server.start()
        assert _database_of(own_server) == url
        assert not (own_server.data / "database" / "postmaster.pid").exists(), (
            "its own database was started too"
        )
        own_server.stop()


@pytest.mark.long
def test_the_database_of_the_file_is_used(
    own_server: RunningServer, make_prepared: Callable[[], Path]
) -> None:
    with a_postgresql(make_prepared()) as url:
        write_env_file(own_server, DATABASE_URL=url)
        own_server.settings = {}
        own_server.start()
        assert _database_of(own_server) == url
        assert not (own_server.data / "database" / "postmaster.pid").exists()
        own_server.stop()


def _database_of(server: RunningServer) -> str:
    url = read_settings_of(server).database_url
    assert url is not None
    return url.get_secret_value()
