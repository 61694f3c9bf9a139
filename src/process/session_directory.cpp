#include "process/session_directory.hpp"

#include "launcher/wire.hpp"
#include "messages/json_writer.hpp"
#include "ocw/errors.hpp"
#include "process/safe_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace ocw {

namespace {

caf::error cannot(const std::string& path, int number) {
  return make_error(number == ENOSPC ? ec::unavailable : ec::internal,
                    "cannot make '" + path + "': " + std::strerror(number));
}

caf::error make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0)
    return cannot(path, errno);
  return {};
}

caf::error write_config_file(const session_layout& layout,
                             const job_request& request) {
  auto config = request.config;
  config.network = config.network.value_or(network_access::restricted);
  auto text = std::string{};
  write_json(text, config, {.omit_defaults = true});
  text += '\n';
  auto file = unique_fd{::open(layout.config_file.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file)
    return cannot(layout.config_file, errno);
  if (const auto failed = write_all(file.get(), text))
    return cannot(layout.config_file, failed);
  return {};
}

// A workspace is used in place of work/. Somebody keeps it, with files of the
// same names perhaps; those of the request are newer.
caf::error write_files(const session_layout& layout,
                       const job_request& request) {
  if (request.files.empty())
    return {};
  const auto& place = request.workspace.value_or(layout.work);
  const auto existing
    = request.workspace ? existing_file::replaced : existing_file::refused;
  const auto work
    = unique_fd{::open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!work)
    return cannot(place, errno);
  for (const auto& [path, content] : request.files)
    if (auto failed
        = write_below(work.get(), path, content.bytes, content.mode, existing))
      return make_error(code_of(failed),
                        "cannot write the file " + sentence_of(failed),
                        "files[\"" + path + "\"]");
  return {};
}

// The session's own directory stays the node's: the job can enter it, not add
// to it.
caf::error hand_over(const session_layout& layout, const session_hold& hold) {
  ::chmod(layout.root.c_str(), 0711);
  ::chmod(layout.config_file.c_str(), 0644);
  for (const auto* path : {&layout.work, &layout.output, &layout.temporary})
    if (!give_tree(*path, hold.uid, hold.gid))
      return cannot(*path, errno);
  return {};
}

} // namespace

session_layout layout_of(const session_config& settings,
                         const std::string& session_id) {
  return layout_below(settings, settings.base_dir + "/session-" + session_id);
}

session_layout layout_below(const session_config& settings, std::string root) {
  return {root, root + "/" + settings.work_dir_name,
          root + "/" + settings.output_dir_name, root + "/tmp",
          root + "/opencode.json"};
}

caf::error make_session(const session_layout& layout,
                        const job_request& request, const session_hold& hold) {
  if ((hold.mechanisms & wire::disk_tmpfs) == 0)
    if (auto failed = make_directory(layout.root))
      return failed;
  for (const auto* path : {&layout.work, &layout.output, &layout.temporary})
    if (auto failed = make_directory(*path))
      return failed;
  if (auto failed = write_config_file(layout, request))
    return failed;
  if (auto failed = write_files(layout, request))
    return failed;
  return (hold.mechanisms & wire::own_uid) != 0 ? hand_over(layout, hold)
                                                : caf::error{};
}

std::string move_to_trash(const session_config& settings,
                          const std::string& session_id) {
  const auto from = settings.base_dir + "/session-" + session_id;
  auto to = settings.base_dir + "/.trash/" + session_id;
  if (::rename(from.c_str(), to.c_str()) == 0)
    return to;
  return {};
}

} // namespace ocw
