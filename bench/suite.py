#!/usr/bin/env python3
"""Measures a node beside the machine's own limits and beside its peers.

    scripts/bench                             builds, then runs everything
    scripts/bench --only jobs-16 --rounds 9   one scenario, more rounds
    scripts/bench --quick                     a smoke test, no figures to quote
    scripts/bench --json results.json         the figures for programs
    bench/suite.py --markdown results.json    the figures for docs/performance.md

Every figure is a median over rounds in which the variants take turns; ratios
are taken within a round. docs/performance.md explains the rows.
"""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import types

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.dont_write_bytecode = True

from harness import engine, isolation, memory, peers, proc, rates, report, slurm  # noqa: E402
from harness.node import Failed, Places, raise_file_limit  # noqa: E402

PEERS = [peers.Xargs, peers.Parallel, peers.Gearman, peers.Ssh, slurm.Slurm]
NAMES = rates.NAMES + isolation.NAMES + memory.NAMES
FAILURES = (Failed, OSError, subprocess.SubprocessError, ValueError,
            http.client.HTTPException)


class Suite:
    """One run: its programs, its places, its results."""

    def __init__(self, options):
        self.options = options
        self.programs = find_programs(options.bin_dir)
        self.places = Places(options.state_root)
        self.outcomes = []
        self.isolation = {}

    def scaled(self, amount):
        return max(amount // 8, 1) if self.options.quick else amount

    @contextlib.contextmanager
    def peers(self):
        """The peers that run here, started; and why the others do not."""
        ready, skipped = [], {}
        with contextlib.ExitStack() as stack:
            for kind in PEERS:
                directory = tempfile.mkdtemp(dir=self.places.disk)
                peer = kind(self.programs, directory)
                reason = ("not asked for" if self.options.no_peers
                          else peer.reason_to_skip())
                if reason is None:
                    stack.callback(peer.stop)
                    reason = start_peer(peer)
                if reason is None:
                    ready.append(peer)
                else:
                    skipped[peer.name] = reason
            yield ready, skipped

    def wanted(self, name):
        return not self.options.only or name in self.options.only

    def measure(self, name, open_scenario):
        """Runs one scenario; a failure is a result too, and the rest goes on."""
        try:
            with open_scenario() as scenario:
                outcome = engine.run(scenario, self.options.rounds, say)
        except FAILURES as error:
            outcome = {"name": name, "title": "", "metrics": {}, "checks": [],
                       "variants": {}, "skipped": {}, "note": "",
                       "baseline": "raw", "failed": str(error)}
        self.outcomes.append(outcome)
        clear_line()
        print(report.text_of(outcome), flush=True)

    def run(self):
        if any(map(self.wanted, rates.NAMES + isolation.NAMES)):
            try:
                self._run_rates()
            except FAILURES as error:
                self.measure("node", lambda: raise_again(error))
        for name, build in memory.Memory(self).all():
            if self.wanted(name):
                self.measure(name, lambda: contextlib.nullcontext(build()))

    def _run_rates(self):
        with rates.rates_node(self) as built:
            self.isolation = built.node.isolation
            beside = isolation.Isolation(self, built.node)
            for name, open_scenario in built.all() + beside.all():
                if self.wanted(name):
                    self.measure(name, open_scenario)

    def results(self, machine):
        now = datetime.datetime.now(datetime.timezone.utc)
        return {"format": 1, "taken_at": now.strftime("%Y-%m-%d"),
                "revision": revision(), "rounds": self.options.rounds,
                "quick": self.options.quick, "machine": machine,
                "node": {"places": self.places.describe(),
                         "isolation": self.isolation},
                "scenarios": self.outcomes}


def raise_again(error):
    raise error


def start_peer(peer):
    try:
        peer.start()
        return None
    except FAILURES as error:
        return f"did not start: {error}"


def find_programs(directory):
    programs = types.SimpleNamespace(
        worker=os.path.join(directory, "opencode-worker"),
        raw=os.path.join(directory, "bench_raw"),
        client=os.path.join(directory, "bench_client"))
    for path in vars(programs).values():
        if not os.access(path, os.X_OK):
            sys.exit(f"bench: {os.path.basename(path)} is not built; "
                     "scripts/bench builds it")
    return programs


def revision():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def say(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def clear_line():
    say("")


def parse_options():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=NAMES,
                        help="of: " + " ".join(NAMES))
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--markdown", metavar="FILE",
                        help="print the results in FILE as Markdown, no run")
    parser.add_argument("--quick", action="store_true",
                        help="an eighth of the work and one round unless asked")
    parser.add_argument("--no-peers", action="store_true",
                        help="only the node and the raw program")
    parser.add_argument("--check", action="store_true",
                        help="exit with 3 when a goal is missed")
    parser.add_argument("--state-root", metavar="DIR",
                        help="where the store lies while measuring; a disk, "
                             "or durability costs nothing (default: /var/tmp)")
    parser.add_argument("--bin-dir", metavar="DIR", help=argparse.SUPPRESS,
                        default=os.path.join(ROOT, "build/release/bin"))
    options = parser.parse_args()
    if options.quick and "--rounds" not in " ".join(sys.argv):
        options.rounds = 1
    return options


def exit_code(results, options):
    if any(outcome.get("failed") for outcome in results["scenarios"]):
        return 1
    missed = any(not check["met"] for check in report.goals_of(results))
    return 3 if missed and options.check else 0


def measure_everything(options):
    raise_file_limit()
    # Whatever ends this program, what it started ends first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine = proc.describe_machine()
    suite = Suite(options)
    try:
        suite.run()
        results = suite.results(machine)
    finally:
        suite.places.remove()
    print("\n".join(report.setting_lines(results)) + "\n")
    if report.goals_of(results):
        print(report.summary_text(results))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1, ensure_ascii=False)
            file.write("\n")
    return exit_code(results, options)


def main():
    options = parse_options()
    if options.markdown:
        with open(options.markdown, encoding="utf-8") as file:
            print(report.markdown_of(json.load(file)), end="")
        return 0
    return measure_everything(options)


if __name__ == "__main__":
    sys.exit(main())
