"""Other programs that run many short jobs, each set up privately.

Everything listens on loopback or on a socket in a directory of its own, and
is ended by the pid it was started with. A peer that is not installed, or
cannot run here, says why and is left out.
"""

import os
import resource
import shutil
import socket
import subprocess
import time

from harness import proc
from harness.node import Failed, run_json

START_DEADLINE_S = 15


def missing(*programs):
    absent = [name for name in programs if find(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def find(name):
    """Daemons live where a user's PATH may not point."""
    return shutil.which(name, path=os.environ.get("PATH", "") +
                        ":/usr/sbin:/sbin:/usr/local/sbin")


def wait_for(condition, what):
    deadline = time.monotonic() + START_DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not start in {START_DEADLINE_S} s")
        time.sleep(0.05)


class Peer:
    """Runs `true` N times, K at once."""

    name = ""
    jobs = {1: 200, 16: 500}  # in flight → how many make a round

    def __init__(self, programs, directory):
        self.programs = programs
        self.directory = directory
        self.daemons = []

    def reason_to_skip(self):
        return None

    def start(self):
        """Brings up what the peer needs."""

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons = []

    def daemon(self, command, **options):
        log = open(os.path.join(self.directory, f"{self.name}.log"), "ab")
        with log:
            self.daemons.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **options))
        return self.daemons[-1]

    def measure(self, in_flight):
        """Figures of one round: jobs/s and the CPU of everything involved."""
        total = self.jobs[in_flight]
        meter = proc.CpuMeter(daemon.pid for daemon in self.daemons)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        figures = self.run(total, in_flight) or {}
        seconds = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (after.ru_utime + after.ru_stime - before.ru_utime -
               before.ru_stime) + meter.take()[1]
        result = {"jobs_per_s": total / seconds, "all_cpu_us": cpu / total * 1e6}
        result.update({key: figures[key] for key in ("p50_us", "p99_us")
                       if key in figures})
        return result

    def run(self, total, in_flight):
        raise NotImplementedError

    def each(self, total, in_flight, command):
        """One client process per job, as people use such tools."""
        return run_json([self.programs.raw, "spawn", str(total),
                         str(in_flight), "--", *command])

    def feed(self, total, command, **options):
        """One program that reads the jobs from its stdin."""
        lines = "".join(f"{number}\n" for number in range(total)).encode()
        done = subprocess.run(command, input=lines, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=300,
                              check=False, **options)
        if done.returncode != 0:
            raise Failed(f"{self.name}: {done.stderr[-300:]!r}")


class Xargs(Peer):
    name = "xargs"
    jobs = {1: 400, 16: 2000}

    def reason_to_skip(self):
        return missing("xargs")

    def run(self, total, in_flight):
        self.feed(total, ["xargs", "-n1", f"-P{in_flight}",
                          "/bin/sh", "-c", "true"])


class Parallel(Peer):
    name = "parallel"
    jobs = {1: 50, 16: 150}

    def reason_to_skip(self):
        absent = missing("parallel")
        if absent:
            return absent
        banner = subprocess.run(["parallel", "--version"], capture_output=True,
                                check=False).stdout
        return None if b"GNU parallel" in banner else "not GNU parallel"

    def run(self, total, in_flight):
        environment = dict(os.environ, SHELL="/bin/sh",
                           PARALLEL_HOME=self.directory)
        self.feed(total, ["parallel", "--will-cite", f"-j{in_flight}", "true"],
                  env=environment)


class Gearman(Peer):
    name = "gearman"
    jobs = {1: 200, 16: 1600}
    workers = 16

    def reason_to_skip(self):
        return missing("gearmand", "gearman")

    def start(self):
        self.port = proc.free_port()
        self.daemon([find("gearmand"), "--listen=127.0.0.1",
                     f"--port={self.port}", "--log-file=stderr"])
        where = ["gearman", "-h", "127.0.0.1", "-p", str(self.port)]
        self.client = [*where, "-f", "bench"]
        wait_for(self._listens, "gearmand")
        for _ in range(self.workers):
            self.daemon([*self.client, "-w", "--", "/bin/sh", "-c", "true"])
        self.run(self.workers, self.workers)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def run(self, total, in_flight):
        share = "x\n" * (total // in_flight)
        clients = [subprocess.Popen([*self.client, "-n"],
                                    stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
                   for _ in range(in_flight)]
        for client in clients:
            client.stdin.write(share.encode())
            client.stdin.close()
        if any([client.wait(120) != 0 for client in clients]):
            raise Failed("gearman: a client failed")


class Ssh(Peer):
    """One connection shared by all jobs (ControlMaster)."""

    name = "ssh-mux"
    jobs = {1: 60, 16: 240}
    made_run_directory = False

    def reason_to_skip(self):
        return missing("sshd", "ssh", "ssh-keygen")

    def start(self):
        self._prepare_run_directory()
        port = proc.free_port()
        key = self._make_key("client")
        with open(self._path("authorized"), "w", encoding="ascii") as file:
            file.write(open(key + ".pub", encoding="ascii").read())
        os.chmod(self._path("authorized"), 0o600)
        with open(self._path("sshd_config"), "w", encoding="utf-8") as file:
            file.write(
                f"ListenAddress 127.0.0.1\nPort {port}\nUsePAM no\n"
                f"HostKey {self._make_key('host')}\nPidFile none\n"
                f"AuthorizedKeysFile {self._path('authorized')}\n"
                "StrictModes no\nPermitRootLogin prohibit-password\n"
                "PasswordAuthentication no\nMaxSessions 64\n"
                # Keeps a login shell from reading its interactive settings.
                "MaxStartups 64\nSetEnv SHLVL=5\n")
        self.daemon([find("sshd"), "-D", "-e", "-f", self._path("sshd_config")])
        self.client = ["ssh", "-F", "none", "-S", self._path("mux"),
                       "127.0.0.1"]
        master = ["ssh", "-F", "none", "-M", "-N", "-S", self._path("mux"),
                  "-p", str(port), "-i", key, "-o", "BatchMode=yes",
                  "-o", "StrictHostKeyChecking=no",
                  "-o", "UserKnownHostsFile=/dev/null", "127.0.0.1"]
        self._connect(master)

    def _connect(self, master):
        deadline = time.monotonic() + START_DEADLINE_S
        process = self.daemon(master)
        while not os.path.exists(self._path("mux")):
            if time.monotonic() > deadline:
                raise Failed("ssh could not log in to its private sshd")
            if process.poll() is not None:  # sshd was not listening yet
                self.daemons.remove(process)
                process = self.daemon(master)
            time.sleep(0.1)

    def stop(self):
        super().stop()
        if self.made_run_directory:
            os.rmdir("/run/sshd")
            self.made_run_directory = False

    def _path(self, name):
        return os.path.join(self.directory, f"ssh-{name}")

    def _make_key(self, name):
        path = self._path(name)
        if not os.path.exists(path):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", path], check=True)
        return path

    def _prepare_run_directory(self):
        """sshd as root wants the empty directory its service would make."""
        if os.geteuid() == 0 and not os.path.isdir("/run/sshd"):
            os.mkdir("/run/sshd", 0o755)
            self.made_run_directory = True

    def run(self, total, in_flight):
        return self.each(total, in_flight, [*self.client, "true"])
