"""One round of short jobs: by the raw program, and by a node."""

from harness.node import run_json

JOB_METRICS = {"jobs_per_s": "jobs/s", "p50_us": "p50 µs", "p99_us": "p99 µs",
               "own_cpu_us": "own CPU µs/job", "all_cpu_us": "all CPU µs/job"}

# Settings that give every scenario here room.
ROOM = {"worker.concurrency": 256, "session.max_concurrent_sessions": 320,
        "websocket.max_clients": 200}


def warm_up(in_flight):
    return in_flight * 2 + 16


def raw_jobs(program, total, in_flight):
    figures = run_json([program, "spawn", str(total), str(in_flight),
                        f"--warm-up={warm_up(in_flight)}"])
    figures["own_cpu_us"] = figures.pop("parent_cpu_us")
    figures["all_cpu_us"] = figures["own_cpu_us"] + figures["child_cpu_us"]
    return figures


def node_jobs(node, total, in_flight, kind="argv"):
    figures = node.measured_client("jobs", total, in_flight, kind,
                                   warm_up(in_flight))
    count = figures["jobs_with_warm_up"]
    figures["own_cpu_us"] = figures.pop("node_cpu_s") / count * 1e6
    figures["all_cpu_us"] = (figures.pop("all_cpu_s") / count * 1e6 +
                             figures["client_cpu_us"])
    return figures
