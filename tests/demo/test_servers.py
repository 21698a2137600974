"""The demo's servers: each stops what it started, and says what is wrong when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from relevo_demo.servers import PostgresServer, S3Server, ServerError, SourceServer
from relevo_demo.servers.process import HOST, Server


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def test_a_server_takes_all_its_processes_with_it(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as server:
        assert server.process is not None
        processes = family(server.process.pid)
        assert len(processes) > 1
    psutil.wait_procs(processes, timeout=10)
    assert not any(p.is_running() for p in processes)


def test_a_killed_demo_leaves_no_server_behind(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from relevo_demo.servers import PostgresServer\n"
        "server = PostgresServer(Path(sys.argv[1])).start().wait()\n"
        "print(server.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    processes = family(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive


def test_data_outlive_a_stop_and_the_password_is_for_the_owner_alone(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as server, psycopg.connect(server.url("raw"), passfile=str(server.passfile)) as raw:
        raw.execute("create table kept (n integer)")
        password = server.password
    with PostgresServer(tmp_path) as server, psycopg.connect(server.url("raw"), passfile=str(server.passfile)) as raw:
        assert raw.execute("select count(*) from kept").fetchone() == (0,)
        assert server.password == password
        assert server.passfile.stat().st_mode & 0o077 == 0
        assert password not in server.url("raw")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url("raw"), password="wrong", connect_timeout=5)
    assert password not in server.log.read_text()


def test_s3_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    with S3Server(tmp_path) as server:
        assert server.identities.stat().st_mode & 0o077 == 0
        assert server.env["AWS_SECRET_ACCESS_KEY"] not in server.log.read_text()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port} .* choose another port"):
            SourceServer(tmp_path, port=port).start()


def test_a_server_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"]
    server = Server("a server", command, log=tmp_path / "log", ready=lambda: False)
    with pytest.raises(ServerError, match=r"(?s)ended with code 3 .*no such luck"), server:
        pass


def test_a_server_that_never_gets_ready_is_given_up_and_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; print('warming up', flush=True); time.sleep(60)"]
    server = Server("a server", command, log=tmp_path / "log", ready=lambda: False, start_timeout=1)
    with pytest.raises(ServerError, match=r"(?s)not ready after 1 s.*"), server:
        pass
    assert not server.running


def test_a_server_that_ignores_being_asked_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time, pathlib, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(99)"
    )
    up = tmp_path / "up"
    command = [sys.executable, "-c", code, str(up)]
    server = Server("a server", command, log=tmp_path / "log", ready=up.exists, stop_timeout=0.5)
    with server:
        assert server.process is not None
        pid = server.process.pid
    assert not psutil.pid_exists(pid)


def test_the_group_of_a_server_is_its_own(tmp_path: Path) -> None:
    """Ctrl-C in a terminal goes to the demo's group; the servers are stopped in order by the demo."""
    with SourceServer(tmp_path, "--batches", "1") as server:
        assert server.process is not None
        assert os.getpgid(server.process.pid) != os.getpgid(0)
