#include "process/local_machine.hpp"

#include "messages/log.hpp"
#include "ocw/errors.hpp"
#include "process/artifacts.hpp"
#include "process/command_line.hpp"
#include "process/process_end.hpp"
#include "process/safe_files.hpp"
#include "store/history.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <caf/send.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ocw {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr size_t file_workers = 2;

// Reading back as much as this, from the kernel's cache, is a short step.
constexpr uint64_t short_output_bytes = uint64_t{64} << 10;

unique_fd copy_of(const unique_fd& fd) {
  return unique_fd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)};
}

// The digest of nothing, which most jobs write on standard error.
constexpr std::string_view empty_sha256
  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string digest_of(const std::string& path, uint64_t size) {
  return size == 0 ? std::string{empty_sha256} : sha256_of_file(path, size);
}

bool is_in_memory(const std::string& path) {
  struct statfs what {};
  return ::statfs(path.c_str(), &what) == 0 && what.f_type == TMPFS_MAGIC;
}

// Whether there is no artifact to collect and little to hash.
bool is_short_collect(const session_layout& layout, const session_task& task,
                      const process_end& end) {
  auto failed = std::error_code{};
  return end.stdout_bytes + end.stderr_bytes <= short_output_bytes
         && task.request->artifacts.empty()
         && fs::is_empty(layout.output, failed) && !failed;
}

} // namespace

local_machine::local_machine(std::shared_ptr<launcher_client> launcher,
                             const config& settings, store_paths paths,
                             egress_door* egress)
  : launcher_(std::move(launcher)),
    settings_(settings.session),
    cleanup_delay_ms_(settings.worker.cleanup_delay_ms),
    paths_(std::move(paths)),
    egress_(egress),
    workers_(file_workers),
    reaper_(1) {
}

local_machine::~local_machine() {
  workers_.join();
  {
    const auto lock = std::lock_guard{guard_};
    for (const auto& [id, timer] : kept_)
      timer->cancel();
  }
  reaper_.join();
}

caf::error local_machine::open() {
  const auto trash = settings_.base_dir + "/.trash";
  auto failed = std::error_code{};
  fs::create_directories(trash, failed);
  if (failed || ::access(settings_.base_dir.c_str(), W_OK | X_OK) != 0)
    return make_error(ec::unavailable,
                      "session.base_dir '" + settings_.base_dir
                        + "' cannot be used: "
                        + (failed ? failed.message() : std::strerror(errno)),
                      "session.base_dir");
  // Jobs with another uid pass through, and see no names.
  const auto pass = (launcher_->sandbox().mechanisms & wire::own_uid) != 0
                      ? fs::perms::group_exec | fs::perms::others_exec
                      : fs::perms::none;
  fs::permissions(settings_.base_dir, fs::perms::owner_all | pass, failed);
  in_memory_ = is_in_memory(settings_.base_dir);
  for (const auto& left : fs::directory_iterator(trash, failed))
    reap(left.path().string());
  return {};
}

// -- the steps of a session ---------------------------------------------------

std::shared_ptr<running_process>
local_machine::start(std::shared_ptr<const session_task> task,
                     session_actor session) {
  const auto& id = task->record->session_id;
  const auto layout = layout_of(settings_, id);
  const auto place = place_of(id);
  const auto hold = hold_of(*task);
  auto line
    = command_line_of(*task, layout, place.layout.work, hold.mechanisms);
  auto job = job_start{};
  auto refused = start_refused{};
  if (!line) {
    refused.stage = sentence_of(line.error());
  } else if (const auto& given = task->request->stdin_data;
             given && !given->open && !given->bytes.empty()
             && !takes_pipes_only(hold.mechanisms)) {
    auto file = file_holding(given->bytes);
    if (file)
      job.input = std::move(*file);
    else
      refused.stage = sentence_of(file.error());
  }
  if (place.disk && !(job.disk = copy_of(*place.disk)))
    refused = {"copying its descriptors", errno, false};
  if (!refused.stage.empty()) {
    caf::anon_send(session, std::move(refused));
    return nullptr;
  }
  job.frame = encode_job(*task, layout, *line, settings_,
                         paths_.spool_prefix(id), hold);
  auto process = launcher_->start(std::move(job), events_of(task, session));
  if (const auto& given = task->request->stdin_data;
      given && !given->bytes.empty()
      && (given->open || takes_pipes_only(hold.mechanisms)))
    process->feed(given->bytes, !given->open);
  return process;
}

// A shim that is lost leaves what it wrote; finding out how much may take a
// while, so that is a file worker's.
shim_events local_machine::events_of(std::shared_ptr<const session_task> task,
                                     const session_actor& session) {
  auto events = shim_events{};
  events.egress = egress_of(*task);
  events.output
    = [follow = task->follow](uint64_t cells) { follow->output_grew(cells); };
  const auto index = paths_.spool_prefix(task->record->session_id) + ".index";
  events.refused = [this, task, session, index](start_refused why) {
    if (!why.launcher_lost)
      return caf::anon_send(session, std::move(why));
    asio::post(workers_, [task, session, index, why = std::move(why)] {
      // Made before the process, and never anew: without it nothing started.
      if (::access(index.c_str(), F_OK) != 0 && errno == ENOENT)
        return caf::anon_send(session, why);
      caf::anon_send(session,
                     process_ended{process_end_of(task->follow->spool().scan(),
                                                  reason_code::launcher_lost)});
    });
  };
  events.ended = [session, store = paths_.dir](process_end end) {
    say_where(end, store);
    caf::anon_send(session, process_ended{std::move(end)});
  };
  return events;
}

void local_machine::collect(std::shared_ptr<const session_task> task,
                            const process_end& end, session_actor session) {
  const auto place = place_of(task->record->session_id);
  if ((in_memory_ || place.disk) && is_short_collect(place.layout, *task, end))
    return caf::anon_send(session,
                          collect_done{.output = digest(*task->record, end)});
  asio::post(workers_,
             [this, task = std::move(task), end, session = std::move(session)] {
               caf::anon_send(session, collect_now(*task, end));
             });
}

collect_done local_machine::collect_now(const session_task& task,
                                        const process_end& end) {
  auto place = place_of(task.record->session_id);
  if (task.request->workspace)
    place.layout.work = *task.request->workspace;
  auto files = collect_artifacts(place.layout, task.request->artifacts,
                                 paths_.artifact_dir(task.record->job_id));
  return {.output = digest(*task.record, end),
          .artifacts = std::move(files.files),
          .warning = std::move(files.warning),
          .store_full = files.store_full};
}

// The rename is quick whatever the directory holds; the rest is the reaper's.
void local_machine::destroy(std::shared_ptr<const session_task> task,
                            session_actor session) {
  if (in_memory_)
    return destroy_now(*task->record, session);
  asio::post(workers_,
             [this, task = std::move(task), session = std::move(session)] {
               destroy_now(*task->record, session);
             });
}

void local_machine::destroy_now(const job_record& record,
                                const session_actor& session) {
  const auto& id = record.session_id;
  if (auto disk = take_disk(id)) {
    uids_.give_back(id);
    caf::anon_send(session, destroy_done{true});
    // Gone with its last descriptor; the kernel takes its time with gigabytes.
    return asio::post(reaper_, [disk = std::move(disk)] {});
  }
  if (cleanup_delay_ms_ > 0) {
    keep_for_a_while(id);
    return caf::anon_send(session, destroy_done{false});
  }
  auto trashed = move_to_trash(settings_, id);
  const auto gone
    = !trashed.empty() || !fs::exists(layout_of(settings_, id).root);
  uids_.give_back(id);
  caf::anon_send(session, destroy_done{gone});
  // Only now: the reaper should not delay the answer.
  reap(std::move(trashed));
}

// The timer fires early, with an error, when the node stops.
void local_machine::keep_for_a_while(const std::string& id) {
  auto timer = std::make_shared<asio::steady_timer>(
    reaper_.get_executor(), std::chrono::milliseconds{cleanup_delay_ms_});
  {
    const auto lock = std::lock_guard{guard_};
    kept_.emplace(id, timer);
  }
  timer->async_wait([this, id, timer](boost::system::error_code) {
    {
      const auto lock = std::lock_guard{guard_};
      kept_.erase(id);
    }
    reap(move_to_trash(settings_, id));
  });
}

void local_machine::reap(std::string path) {
  if (path.empty())
    return;
  asio::post(reaper_, [path = std::move(path)] {
    if (!remove_tree(path))
      log::warn("session.litter", {}, "cannot remove '{}'", path);
  });
}

// -- what is kept, and what was left ------------------------------------------

void local_machine::forget(const job_record& record) {
  remove_spool(paths_.spool_prefix(record.session_id));
  if (!record.artifacts.empty())
    reap(paths_.artifact_dir(record.job_id));
}

bool local_machine::has_traces(const job_record& record) const {
  auto failed = std::error_code{};
  return fs::exists(layout_of(settings_, record.session_id).root, failed);
}

output_digests local_machine::digest(const job_record& record,
                                     const process_end& end) const {
  const auto prefix = paths_.spool_prefix(record.session_id);
  return {{.bytes = end.stdout_bytes,
           .sha256 = digest_of(prefix + ".stdout", end.stdout_bytes),
           .truncated = end.stdout_truncated},
          {.bytes = end.stderr_bytes,
           .sha256 = digest_of(prefix + ".stderr", end.stderr_bytes),
           .truncated = end.stderr_truncated}};
}

void local_machine::sweep(const job_record& record) {
  reap(move_to_trash(settings_, record.session_id));
}

} // namespace ocw
