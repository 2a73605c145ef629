"""A real PostgreSQL for tests: Debian's binaries in a temporary folder, never as root, by a Unix socket alone."""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


class Missing(Exception):
    """There is no PostgreSQL to start here."""


def binaries():
    """The folder of the newest server found. Raises Missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if path := shutil.which("postgres"):
        return Path(path).parent
    raise Missing("no PostgreSQL server: apt-get install postgresql, or set TEST_DATABASE_URL")


def _someone():
    """Whom it runs as: us, or, when we are root, an account that is not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing("PostgreSQL does not start as root and there is no account postgres or nobody")


class Postgres:
    """One server of its own. `kill` is what a power cut would do to it; `start` brings it back with its data."""

    def __init__(self):
        self.bin = binaries()
        self.someone = _someone()
        self.folder = Path(tempfile.mkdtemp(prefix="cds-pg-", dir="/tmp"))
        self.process = None
        if self.someone:
            os.chown(self.folder, self.someone.pw_uid, self.someone.pw_gid)
        self._run(
            self.bin / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "cds",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )

    @property
    def _as(self):
        return {"user": self.someone.pw_uid, "group": self.someone.pw_gid, "extra_groups": []} if self.someone else {}

    def _run(self, *command):
        result = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, cwd=self.folder, timeout=60, **self._as
        )
        if result.returncode:
            raise Missing(f"{Path(str(command[0])).name} failed for {getpass.getuser()}: {result.stderr[-500:]}")

    def start(self):
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [
                str(self.bin / "postgres"),
                "-D",
                str(self.folder / "data"),
                "-k",
                str(self.folder),
                "-c",
                "listen_addresses=",
                "-c",
                "max_connections=60",
                "-c",
                "shared_buffers=16MB",
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
            **self._as,
        )
        log.close()
        self._wait()
        return self

    def _wait(self):
        import psycopg

        for _ in range(200):
            try:
                psycopg.connect(f"host={self.folder} user=cds dbname=postgres connect_timeout=2").close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError("PostgreSQL did not start: " + (self.folder / "log").read_text()[-800:])

    def url(self, database="postgres"):
        return f"postgresql://cds@/{database}?host={self.folder}"

    def execute(self, statement):
        import psycopg

        with psycopg.connect(f"host={self.folder} user=cds dbname=postgres", autocommit=True) as connection:
            connection.execute(statement)

    def kill(self):
        """All its processes at once, without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def pause(self):
        """It is there and does not answer."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
