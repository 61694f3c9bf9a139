#include "messages/request_limits.hpp"

#include "messages/json_writer.hpp"
#include "ocw/errors.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace ocw {

namespace {

constexpr auto mebibyte = uint64_t{1} << 20;

/// One limit of a request beside the node's bound for it.
template <class T>
struct bounded {
  std::string_view field;
  T asked;
  std::string_view unit; ///< with the space before it
  T most;
  std::string_view setting;
};

template <class T>
std::string number(T x) {
  auto result = std::string{};
  write_json(result, x);
  return result;
}

template <class T>
caf::error refuse(const bounded<T>& x) {
  auto sentence = std::string{x.field};
  sentence.append(" is ").append(number(x.asked)).append(x.unit);
  sentence.append(", over ").append(x.setting);
  sentence.append(" (").append(number(x.most)).append(")");
  return make_error(ec::limit_exceeded, std::move(sentence),
                    std::string{x.field});
}

/// Whole MiB that hold `bytes`.
uint64_t mebibytes(uint64_t bytes) {
  return bytes / mebibyte + (bytes % mebibyte != 0 ? 1 : 0);
}

caf::error check_disk(const job_limits& asked, const governance_config& node) {
  if (!asked.disk || node.max_disk_mb == 0)
    return {};
  if (asked.disk->bytes == 0)
    return make_error(ec::limit_exceeded,
                      "limits.disk is 0, which is no limit, but "
                      "governance.max_disk_mb is "
                        + number(node.max_disk_mb),
                      "limits.disk");
  const auto disk_mb = mebibytes(asked.disk->bytes);
  if (disk_mb > node.max_disk_mb)
    return refuse<uint64_t>({"limits.disk", disk_mb, " MB", node.max_disk_mb,
                             "governance.max_disk_mb"});
  return {};
}

caf::error check_bounds(const job_limits& asked,
                        const governance_config& node) {
  if (const auto cpu = asked.cpu_cores.value_or(0); cpu > node.max_cpu)
    return refuse<double>(
      {"limits.cpu", cpu, "", node.max_cpu, "governance.max_cpu"});
  const auto memory_mb
    = mebibytes(asked.memory.value_or(mebibyte_size{}).bytes);
  if (memory_mb > node.max_memory_mb)
    return refuse<uint64_t>({"limits.memory", memory_mb, " MB",
                             node.max_memory_mb, "governance.max_memory_mb"});
  if (auto err = check_disk(asked, node))
    return err;
  const auto timeout_ms = asked.timeout_ms.value_or(0);
  if (timeout_ms > node.max_timeout_ms)
    return refuse<uint64_t>({"limits.timeout", timeout_ms, " ms",
                             node.max_timeout_ms, "governance.max_timeout_ms"});
  const auto output = asked.max_output_size.value_or(byte_size{}).bytes;
  if (output > max_output_bytes)
    return refuse<uint64_t>({"limits.max_output_size", output, " bytes",
                             max_output_bytes, "the most that is kept"});
  if (const auto gpus = asked.gpus.value_or(0); gpus > 0)
    return refuse<uint32_t>({"limits.gpu", gpus, "", 0, "this node's gpus"});
  return {};
}

/// A node that bounds what jobs ask for does not give more to those that ask
/// for nothing.
uint64_t standard_disk(const governance_config& node) {
  const auto preset = node.default_disk_mb;
  const auto most = node.max_disk_mb;
  return (preset == 0 ? most
          : most == 0 ? preset
                      : std::min(preset, most))
         * mebibyte;
}

/// What the request's own files take, each in whole pages, and opencode.json.
caf::error check_files(const job_request& request, uint64_t disk_bytes) {
  constexpr auto page = uint64_t{4096};
  auto pages = uint64_t{1};
  for (const auto& [path, content] : request.files)
    pages += (content.bytes.size() + page - 1) / page;
  if (disk_bytes == 0 || request.files.empty() || pages * page <= disk_bytes)
    return {};
  return make_error(ec::limit_exceeded,
                    "files take " + number(pages * page)
                      + " bytes on disk, over limits.disk ("
                      + number(disk_bytes) + ")",
                    "files");
}

/// What to use when nothing was asked for. Never over the maximum, whatever
/// the settings say of the two.
template <class T>
T standard(T preset, T most) {
  return std::min(preset, most);
}

} // namespace

caf::expected<effective_limits> resolve_limits(const job_request& request,
                                               const config& settings) {
  const auto& asked = request.limits;
  const auto& node = settings.governance;
  if (auto err = check_bounds(asked, node))
    return err;
  const auto default_timeout_ms
    = std::min(node.default_timeout_ms, settings.session.default_timeout_ms);
  const auto default_output
    = std::min(settings.session.max_output_size_mb, max_output_bytes / mebibyte)
      * mebibyte;
  auto result = effective_limits{};
  result.cpu_cores
    = asked.cpu_cores.value_or(standard(node.default_cpu, node.max_cpu));
  result.memory_mib = asked.memory
                        ? mebibytes(asked.memory->bytes)
                        : standard(node.default_memory_mb, node.max_memory_mb);
  result.timeout_ms = asked.timeout_ms.value_or(
    standard(default_timeout_ms, node.max_timeout_ms));
  result.output_bytes
    = asked.max_output_size.value_or(byte_size{default_output}).bytes;
  result.disk_bytes = asked.disk.value_or(byte_size{standard_disk(node)}).bytes;
  if (auto err = check_files(request, result.disk_bytes))
    return err;
  result.pids = asked.pids.value_or(node.default_pids);
  result.queue_timeout_ms = asked.queue_timeout_ms.value_or(0);
  result.idle_timeout_ms = asked.idle_timeout_ms.value_or(0);
  return result;
}

} // namespace ocw
