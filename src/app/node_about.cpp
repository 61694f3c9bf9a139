#include "app/node_about.hpp"

#include <spdlog/fmt/fmt.h>

namespace ocw {

worker_info describe_worker(const config& settings, const machine_info& machine,
                            const sandbox_report& sandbox) {
  const auto held
    = describe_isolation(sandbox.mechanisms, sandbox.control_groups);
  auto result = worker_info{
    .worker_id = settings.worker.id,
    .cpu_cores = machine.cpu_cores,
    .memory_mb = machine.memory_mib,
    .isolation_tier = held.tier,
    .isolation
    = {.tier = held.tier, .layers = held.layers, .why_not = sandbox.why_not},
    .labels = settings.worker.labels};
  result.labels.insert_or_assign("hostname", machine.hostname);
  result.labels.insert_or_assign("arch", machine.architecture);
  result.labels.insert_or_assign("gpu", "0");
  return result;
}

std::string url_for(const config& settings, std::string_view scheme,
                    uint16_t port) {
  const auto& host = settings.api.host;
  const auto shown = host == "0.0.0.0" || host.empty() ? "127.0.0.1"
                     : host == "::"                    ? "[::1]"
                     : host.find(':') != host.npos     ? "[" + host + "]"
                                                       : host;
  const auto secure = settings.tls.certificate.empty() ? "" : "s";
  return fmt::format("{}{}://{}:{}", scheme, secure, shown, port);
}

} // namespace ocw
