#include "net/metrics.hpp"

#include <dirent.h>
#include <unistd.h>

#include <spdlog/fmt/fmt.h>

#include <fstream>
#include <iterator>
#include <string_view>

namespace ocw::net {

namespace {

/// Writes families of samples, each with its HELP and TYPE.
class exposition {
public:
  void family(std::string_view name, std::string_view type,
              std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_),
                   "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }

  template <class Number>
  void sample(Number value, std::string_view labels = {}) {
    fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name_, labels,
                   value);
  }

  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    family(name, "gauge", help);
    sample(value);
  }

  void counter(std::string_view name, std::string_view help, uint64_t value) {
    family(name, "counter", help);
    sample(value);
  }

  std::string take() { return std::move(text_); }

private:
  std::string_view name_;
  std::string text_;
};

void add_jobs(exposition& out, const node_counters& jobs) {
  out.counter("opencode_worker_jobs_accepted_total", "Jobs accepted.",
              jobs.accepted);
  out.counter("opencode_worker_jobs_started_total", "Jobs started.",
              jobs.started);
  out.family("opencode_worker_jobs_ended_total", "counter",
             "Jobs ended, by status.");
  out.sample(jobs.finished, "{status=\"finished\"}");
  out.sample(jobs.failed, "{status=\"failed\"}");
  out.sample(jobs.timed_out, "{status=\"timeout\"}");
  out.sample(jobs.cancelled, "{status=\"cancelled\"}");
  out.gauge("opencode_worker_jobs_pending", "Jobs waiting for room.",
            jobs.pending_now);
  out.gauge("opencode_worker_jobs_running", "Jobs with a session.",
            jobs.running_now);
  out.counter("opencode_worker_output_bytes_total",
              "Bytes of output that jobs wrote.", jobs.output_bytes);
}

void add_worker(exposition& out, const worker_info& worker) {
  out.gauge("opencode_worker_slots", "Jobs that may run at once.",
            worker.concurrency);
  out.gauge("opencode_worker_slots_in_use", "Jobs that run.", worker.running);
  out.gauge("opencode_worker_cpu_cores", "Cores, before overcommit.",
            worker.cpu_cores);
  out.gauge("opencode_worker_cpu_cores_in_use", "Cores granted to jobs.",
            worker.cpu_cores_in_use);
  out.gauge("opencode_worker_memory_bytes", "Memory, before overcommit.",
            worker.memory_mb << 20);
  out.gauge("opencode_worker_memory_in_use_bytes", "Memory granted to jobs.",
            worker.memory_mb_in_use << 20);
}

} // namespace

process_usage measure_process() {
  auto out = process_usage{};
  auto statm = std::ifstream{"/proc/self/statm"};
  auto total_pages = uint64_t{0};
  auto resident_pages = uint64_t{0};
  if (statm >> total_pages >> resident_pages)
    out.resident_bytes
      = resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (auto* files = opendir("/proc/self/fd")) {
    while (const auto* entry = readdir(files))
      if (entry->d_name[0] != '.')
        ++out.open_files;
    closedir(files);
    // The directory itself was open while it was counted.
    --out.open_files;
  }
  return out;
}

std::string prometheus_text(const node_report& node,
                            const process_usage& process) {
  auto out = exposition{};
  add_jobs(out, node.counters);
  add_worker(out, node.worker);
  out.gauge("opencode_worker_ready", "1 when the node takes jobs.",
            node.ready.ready ? 1 : 0);
  out.gauge("opencode_worker_websocket_clients", "WebSocket clients connected.",
            process.websocket_clients);
  out.counter("opencode_worker_egress_opened_total",
              "Connections of jobs that the egress proxy made.",
              process.egress.opened);
  out.counter("opencode_worker_egress_refused_total",
              "Connections of jobs that the egress proxy refused.",
              process.egress.refused);
  out.gauge("process_resident_memory_bytes", "Resident memory of the node.",
            process.resident_bytes);
  out.gauge("process_open_fds", "Open file descriptors of the node.",
            process.open_files);
  return out.take();
}

} // namespace ocw::net
