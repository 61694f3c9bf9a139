#include "launcher/trial.hpp"

#include "launcher/session_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace ocw::launcher {
namespace {

using wire::start_stage;

void say(trial_result& result, start_stage stage, const std::string& text) {
  result.stage = stage;
  result.error = errno != 0 ? errno : EIO;
  std::strncpy(result.text, text.c_str(), sizeof(result.text) - 1);
}

job_request trial_job(const setup_request& request, uint64_t mechanisms) {
  job_request job;
  job.session_dir = request.root.sessions_dir + "/session-probe";
  job.work_dir = job.session_dir + "/work";
  job.exec_path = "/bin/true";
  job.spec.mechanisms = mechanisms;
  job.spec.uid = job.spec.gid = request.fixed.probe_uid;
  return job;
}

// Whether more than there is room for is refused.
bool holds_its_size(int disk, uint64_t size) {
  const unique_fd file{
    ::openat(disk, "filler", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  const std::string bytes(size, 'x');
  ssize_t written = 1;
  for (uint64_t sum = 0; written > 0 && sum <= size;
       sum += static_cast<uint64_t>(written))
    written = ::write(file.get(), bytes.data(), bytes.size());
  const auto held = written < 0 && errno == ENOSPC;
  ::unlinkat(disk, "filler", 0);
  return held;
}

// A disk as a session's is: with its directories, of the job's user. Empty, and
// errno, when there is none to be had.
unique_fd trial_disk(const job_request& job) {
  constexpr wire::disk_request wanted{64 << 10, 64};
  auto disk = make_disk(wanted);
  if (!disk)
    return {};
  if (!holds_its_size(disk.get(), wanted.size_bytes)) {
    errno = EOVERFLOW;
    return {};
  }
  const auto own = (job.spec.mechanisms & wire::own_uid) != 0;
  auto done = ::fchmodat(disk.get(), ".", 0711, 0) == 0;
  for (const auto* name : {"work", "tmp"})
    done = done && ::mkdirat(disk.get(), name, 0700) == 0
           && (!own
               || ::fchownat(disk.get(), name, job.spec.uid, job.spec.gid, 0)
                    == 0);
  return done ? std::move(disk) : unique_fd{};
}

// Runs /bin/true the way a job is run.
trial_result try_job(const setup_request& request, const sandbox& candidate) {
  trial_result result;
  const auto job = trial_job(request, candidate.mechanisms);
  shim_sandbox equipment{candidate};
  char* argv[] = {const_cast<char*>("true"), nullptr};
  child_plan plan;
  plan.exec_path = job.exec_path.c_str();
  plan.argv = argv;
  plan.envp = argv + 1;
  plan.work_dir = job.work_dir.c_str();
  plan.output = plan.errors = 0;
  unique_fd disk;
  if (candidate.has(wire::disk_tmpfs) && !(disk = trial_disk(job))) {
    result.stage = start_stage::disk;
    result.error = errno;
    return result;
  }
  auto failure = equipment.equip(job, plan, disk.get());
  init_report report;
  if (failure.error == 0) {
    const auto child = start_child(plan, report);
    failure = child.failure;
    int status = 0;
    if (child.pid > 0)
      failure.error = ::waitpid(child.pid, &status, __WALL) == child.pid
                          && WIFEXITED(status)
                        ? 0
                        : ECHILD;
  }
  result.stage = failure.stage;
  result.error = failure.error;
  return result;
}

[[noreturn]] void run_trial(const setup_request& request, sandbox& candidate,
                            int answer) {
  trial_result result;
  std::string failed;
  if (candidate.has(wire::mount)) {
    failed = gain_namespace_rights();
    if (!failed.empty())
      say(result, start_stage::clone, failed);
    else if (failed = enter_private_root(request.root); !failed.empty())
      say(result, start_stage::mounts, failed);
  }
  if (failed.empty())
    result = try_job(request, candidate);
  // Groups are the launcher's to remove.
  ::_exit(::write(answer, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

} // namespace

trial_result hold_trial(const setup_request& request, sandbox& candidate) {
  trial_result result;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return result;
  unique_fd answer{ends[0]};
  unique_fd theirs{ends[1]};
  const auto pid = ::fork();
  if (pid == 0)
    run_trial(request, candidate, theirs.get());
  theirs.reset();
  if (pid > 0) {
    if (::read(answer.get(), &result, sizeof(result)) != sizeof(result))
      result = {};
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
      continue;
    if (candidate.cgroups)
      candidate.cgroups->make(static_cast<uint64_t>(pid)).reset();
  }
  return result;
}

trial_directories::trial_directories(const setup_request& request)
  : top_(trial_job(request, 0).session_dir), in_tmp_(request.root.readonly) {
  in_tmp_.push_back(request.root.sessions_dir);
  for (const auto& path : all())
    ::mkdir(path.c_str(), 0777);
  if (::geteuid() == 0)
    for (const auto& path : all())
      (void)!::chown(path.c_str(), request.fixed.probe_uid,
                     request.fixed.probe_uid);
}

trial_directories::~trial_directories() {
  // What lies below /tmp was made in the session's own, too.
  for (auto part : in_tmp_)
    for (; part.size() > 4; part.resize(part.rfind('/')))
      ::rmdir((top_ + part).c_str());
  const auto paths = all();
  for (auto at = paths.rbegin(); at != paths.rend(); ++at)
    ::rmdir(at->c_str());
}

std::vector<std::string> trial_directories::all() const {
  return {top_, top_ + "/work", top_ + "/tmp"};
}

} // namespace ocw::launcher
