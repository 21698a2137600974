"""The demo's servers: each stops what it started, and says what is wrong when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import psycopg
import pytest

from relevo_demo.servers import PostgresServer, S3Server, ServerError, SourceServer, free_port
from relevo_demo.servers.ports import PORTS
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


def test_a_server_waits_for_the_one_that_a_killed_demo_left_behind(tmp_path: Path) -> None:
    """The old PostgreSQL still writes to the folder while the new demo starts: two at once would break it."""
    code = (
        "import sys, time; from pathlib import Path; from relevo_demo.servers import PostgresServer\n"
        "PostgresServer(Path(sys.argv[1])).start().wait(); print('up', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    with PostgresServer(tmp_path) as server, psycopg.connect(server.url("raw"), passfile=str(server.passfile)) as raw:
        assert raw.execute("select 1").fetchone() == (1,)


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    log = tmp_path / "log"
    first = Server("the first", command, log=log, ready=lambda: True)
    with first, pytest.raises(ServerError, match=r"(?s)for this second alone, one that an earlier run started"):
        Server("second", command, log=log, ready=lambda: True, start_timeout=0.3).start()


def test_an_impatient_ctrl_c_while_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import signal, time, pathlib, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(99)"
    )
    up = tmp_path / "up"
    server = Server("stubborn", [sys.executable, "-c", code, str(up)], log=tmp_path / "log", ready=up.exists)
    server.start().wait()
    assert server.process is not None
    pid = server.process.pid
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts tests in the background ignores it
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        server.stop()
    signal.signal(signal.SIGINT, before)
    assert not psutil.pid_exists(pid)


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


def test_s3_leaves_no_sockets_behind(tmp_path: Path) -> None:
    with S3Server(tmp_path) as server:
        assert server.process is not None
        opened = {Path(str(c.laddr)) for p in family(server.process.pid) for c in p.net_connections("unix") if c.laddr}
        assert opened
    assert not [path for path in opened if path.exists()]


def test_no_other_process_is_given_a_port_that_was_chosen_for_a_server() -> None:
    first = free_port()
    few = range(first, first + 40)
    code = (
        "import sys; from relevo_demo.servers import free_port; "
        f"print(*[free_port({few}) for _ in range(8)], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = [first, *(free_port(few) for _ in range(8))]
    assert len(theirs) == 8
    assert len({*ours}) == 9
    assert not theirs & {*ours}


def test_no_connection_of_a_client_takes_a_server_s_port() -> None:
    with socket.create_server((HOST, 0)) as server:
        used = [server.getsockname()[1]]
        for _ in range(100):
            with socket.create_connection((HOST, used[0])) as client:
                used.append(client.getsockname()[1])
    assert not [port for port in used if port in PORTS]


def test_without_a_free_port_it_says_where_to_look() -> None:
    taken = free_port()
    with pytest.raises(ServerError, match=r"all are taken: end what listens there"):
        free_port(range(taken, taken + 1))


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
