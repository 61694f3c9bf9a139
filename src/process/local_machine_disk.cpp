#include "ocw/errors.hpp"
#include "process/local_machine.hpp"

#include <boost/asio/post.hpp>

#include <caf/send.hpp>

#include <cstring>

// Making and filling a session's directory: below base_dir, or on a disk of its
// own, which the launcher makes, this process fills through its descriptor, and
// the job's shim attaches where the directory would be.

namespace ocw {

namespace {

caf::error cannot_make(uint64_t bytes, int number) {
  return make_error(ec::unavailable,
                    "cannot make the session's disk of " + std::to_string(bytes)
                      + " bytes (limits.disk): " + std::strerror(number),
                    "limits.disk");
}

caf::error no_room_on_disk(uint64_t bytes) {
  return make_error(ec::limit_exceeded,
                    "files and opencode.json do not fit on the session's disk "
                    "of "
                      + std::to_string(bytes) + " bytes (limits.disk)",
                    "limits.disk");
}

} // namespace

void local_machine::prepare(std::shared_ptr<const session_task> task,
                            session_actor session) {
  const auto given = mechanisms_for(*task->request, task->limits,
                                    launcher_->sandbox().mechanisms);
  if ((given & wire::disk_tmpfs) == 0)
    return fill(std::move(task), std::move(session));
  const auto bytes = task->limits.disk_bytes;
  auto take = [this, task = std::move(task),
               session = std::move(session)](unique_fd disk, int error) {
    if (!disk)
      return caf::anon_send(
        session, prepare_done{cannot_make(task->limits.disk_bytes, error)});
    {
      const auto lock = std::lock_guard{guard_};
      disks_[task->record->session_id]
        = std::make_shared<const unique_fd>(std::move(disk));
    }
    fill(task, session);
  };
  launcher_->make_disk({bytes, files_of_disk(bytes)}, std::move(take));
}

void local_machine::fill(std::shared_ptr<const session_task> task,
                         session_actor session) {
  const auto place = place_of(task->record->session_id);
  const auto is_short
    = (in_memory_ || place.disk) && task->request->files.empty();
  auto step = [this, place, task = std::move(task),
               session = std::move(session)] {
    auto failed = make_session(place.layout, *task->request, hold_of(*task));
    if (place.disk && code_of(failed) == ec::unavailable)
      failed = no_room_on_disk(task->limits.disk_bytes);
    caf::anon_send(session, prepare_done{std::move(failed)});
  };
  if (is_short)
    step();
  else
    boost::asio::post(workers_, std::move(step));
}

session_place local_machine::place_of(const std::string& session_id) {
  {
    const auto lock = std::lock_guard{guard_};
    if (const auto at = disks_.find(session_id); at != disks_.end())
      return place_on(at->second, settings_);
  }
  return {layout_of(settings_, session_id), nullptr};
}

disk_handle local_machine::take_disk(const std::string& session_id) {
  const auto lock = std::lock_guard{guard_};
  auto taken = disks_.extract(session_id);
  return taken ? std::move(taken.mapped()) : nullptr;
}

} // namespace ocw
