"""What the kernel says about processes, and what belongs to whom."""

import os
import socket

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """ppid and the four CPU times (own user, system; reaped user, system)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[1]), [int(ticks) / TICK for ticks in fields[11:15]]


def _all_stats():
    stats = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stats[int(name)] = _stat(name)
            except (OSError, IndexError, ValueError):
                continue  # it ended meanwhile
    return stats


def tree(root):
    """The process and everything below it, as pid → CPU times."""
    stats = _all_stats()
    children = {}
    for pid, (parent, _) in stats.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        if pid in stats and pid not in found:
            found[pid] = stats[pid][1]
            waiting += children.get(pid, [])
    return found


class CpuMeter:
    """CPU seconds of process trees between two moments.

    `own` is what the processes spent that live at the second moment: a node,
    its launcher and its shims. `total` includes everything they waited for:
    the jobs. A process that was started by one of them and reaped by another
    program is missed.
    """

    def __init__(self, roots):
        self.roots = list(roots)
        self.before = self._read()

    def _read(self):
        times = {}
        for root in self.roots:
            times.update(tree(root))
        return times

    def take(self):
        after = self._read()
        own = total = 0.0
        for pid, times in after.items():
            own += sum(times[:2])
            total += sum(times)
            if pid in self.before:
                own -= sum(self.before[pid][:2])
        total -= sum(sum(times) for times in self.before.values())
        return own, total


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def status(pid):
    """VmRSS, VmHWM in kB and Threads of /proc/PID/status, as numbers."""
    wanted = {"VmRSS": 0, "VmHWM": 0, "Threads": 0}
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key in wanted:
                wanted[key] = int(value.split()[0])
    return wanted


def pss_kb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass  # it ended meanwhile
    return 0


def reset_peak(pid):
    """Makes VmHWM start again from what is resident now."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def filesystem_of(path):
    """The type of the file system a path is on."""
    path = os.path.realpath(path)
    best, kind = "", "unknown"
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            fields = line.split()
            point = fields[1].replace("\\040", " ")
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, fields[2]
    return kind


def free_port():
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def describe_machine():
    """What the figures depend on. No names, no paths."""
    model, memory = "unknown", 0
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.readline().split()[1])
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": memory // 1024,
        "kernel": os.uname().release,
        "load_before": os.getloadavg()[0],
    }
