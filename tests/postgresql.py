"""A PostgreSQL server that lives for a test: Debian's package, a folder of its own, a free port."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)
MISSING = "no PostgreSQL server here (Debian: apt-get install postgresql)"
PASSWORD = "hunter2"


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where there is no server."""
    found = [path.parent for path in BINARIES] or [
        Path(path).parent for path in [shutil.which("pg_ctl")] if path
    ]
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextmanager
def running_server() -> Iterator[str]:
    """A server's URL, user and password in it; the server refuses to run as root."""
    folder = programs()
    assert folder is not None
    user = _other_user()
    with tempfile.TemporaryDirectory(prefix="habitue-pg-") as home:
        secret = Path(home, "password")
        secret.write_text(PASSWORD)
        data = Path(home, "data")
        if user:
            for path in (Path(home), secret):
                shutil.chown(path, user)
        port = _free_port()
        _run(user, folder / "initdb", "-D", data, "-U", "shop", "--pwfile", secret,
             "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")  # fmt: skip
        options = f"-F -p {port} -h 127.0.0.1 -k {home}"
        log = Path(home, "log")
        _run(user, folder / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            yield f"postgresql://shop:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run(user, folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _other_user() -> str | None:
    return ("postgres" if _is_known("postgres") else "nobody") if os.geteuid() == 0 else None


def _is_known(user: str) -> bool:
    return subprocess.run(["id", user], capture_output=True).returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(user: str | None, *command: object) -> None:
    subprocess.run(
        list(map(str, command)),
        check=True,
        user=user,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
