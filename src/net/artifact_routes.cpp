#include "net/artifact_file.hpp"
#include "net/bodies.hpp"
#include "net/exchange.hpp"
#include "net/outgoing.hpp"
#include "net/routes.hpp"
#include "net/tar.hpp"
#include "store/store_paths.hpp"

#include <algorithm>
#include <vector>

namespace ocw::net::routes {

namespace {

using answer = std::optional<reply>;

std::string directory_of(const exchange& x, const job_record& record) {
  return store_paths{x.context.store_dir}.artifact_dir(record.job_id);
}

awaitable<answer> run_list(exchange& x) {
  const auto job = co_await find_job(x);
  if (!job)
    co_return error_reply(job.error());
  co_return json_reply(artifact_list{job->record->artifacts});
}

// -- one file ----------------------------------------------------------------

// A name that a header can carry: the last part of the path, with everything
// but plain characters replaced.
std::string disposition_of(std::string_view path) {
  auto name = std::string{path.substr(path.rfind('/') + 1)};
  std::replace_if(
    name.begin(), name.end(),
    [](unsigned char c) {
      return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
    },
    '_');
  return "Content-Disposition: attachment; filename=\"" + name + "\"\r\n";
}

awaitable<answer> run_get(exchange& x) {
  const auto job = co_await find_job(x);
  if (!job)
    co_return error_reply(job.error());
  const auto& known = job->record->artifacts;
  const auto& path = x.captured("path");
  const auto same
    = [&path](const artifact_info& one) { return one.path == path; };
  if (std::none_of(known.begin(), known.end(), same))
    co_return error_reply(
      make_error(ec::not_found, "the job left no artifact " + path, "path"));
  const auto file = open_artifact(directory_of(x, *job->record), path);
  if (!file)
    co_return error_reply(file.error());
  const auto headers = disposition_of(path);
  auto head = reply_head{200, "application/octet-stream"};
  head.content_length = file->size;
  head.headers = headers;
  head.keep_open = x.request.keep_alive();
  const auto text = answer_head(x.context, x.request, head);
  x.answering = true;
  x.keep_open = co_await send_bytes(x.stream, text);
  if (x.keep_open && !x.head_only())
    x.keep_open = co_await send_file_bytes(x.stream, *file, file->size);
  co_return answer{};
}

// -- all of them -------------------------------------------------------------

tar_entry entry_of(const artifact_info& one, const job_record& record) {
  return {one.path, one.size, record.finished_unix_ms / 1000};
}

uint64_t archive_size(const job_record& record) {
  auto size = uint64_t{tar_end().size()};
  for (const auto& one : record.artifacts)
    size += tar_header(entry_of(one, record)).size() + one.size
            + tar_padding(one.size).size();
  return size;
}

// The length was announced: a file that is missing or shorter than recorded
// cuts the archive off, which the client sees.
awaitable<bool> send_archive(exchange& x, const job_record& record) {
  const auto directory = directory_of(x, record);
  for (const auto& one : record.artifacts) {
    const auto file = open_artifact(directory, one.path);
    if (!file)
      co_return false;
    const auto header = tar_header(entry_of(one, record));
    if (!co_await send_bytes(x.stream, header))
      co_return false;
    if (!co_await send_file_bytes(x.stream, *file, one.size))
      co_return false;
    const auto padding = tar_padding(one.size);
    if (!padding.empty() && !co_await send_bytes(x.stream, padding))
      co_return false;
  }
  const auto end = tar_end();
  co_return co_await send_bytes(x.stream, end);
}

awaitable<answer> run_archive(exchange& x) {
  const auto job = co_await find_job(x);
  if (!job)
    co_return error_reply(job.error());
  const auto record = job->record;
  const auto headers = disposition_of(record->job_id + ".tar");
  auto head = reply_head{200, "application/x-tar"};
  head.content_length = archive_size(*record);
  head.headers = headers;
  head.keep_open = x.request.keep_alive();
  const auto text = answer_head(x.context, x.request, head);
  x.answering = true;
  x.keep_open = co_await send_bytes(x.stream, text);
  if (x.keep_open && !x.head_only())
    x.keep_open = co_await send_archive(x, *record);
  co_return answer{};
}

} // namespace

const route_handler list_artifacts{&run_list};
const route_handler get_artifact{&run_get};
const route_handler get_artifact_archive{&run_archive};

} // namespace ocw::net::routes
