#include "launcher/trial.hpp"

#include "launcher/mechanism_names.hpp"
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

// Runs a program the way a job is run.
wire::start_failure run_once(const sandbox& candidate, const job_request& job) {
  shim_sandbox equipment{candidate};
  char* argv[] = {const_cast<char*>("true"), nullptr};
  child_plan plan;
  plan.exec_path = job.exec_path.c_str();
  plan.argv = argv;
  plan.envp = argv + 1;
  plan.work_dir = job.work_dir.c_str();
  plan.output = plan.errors = 0;
  unique_fd disk;
  if ((job.spec.mechanisms & wire::disk_tmpfs) != 0
      && !(disk = trial_disk(job)))
    return {start_stage::disk, errno};
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
  return failure;
}

bool copy_program(const std::string& from, const std::string& to) {
  const unique_fd source{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  const unique_fd copy{::open(
    to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755)};
  char buffer[16 << 10];
  ssize_t got = 0;
  while ((got = ::read(source.get(), buffer, sizeof(buffer))) > 0)
    if (::write(copy.get(), buffer, static_cast<size_t>(got)) != got)
      return false;
  return got == 0 && copy && ::fchmod(copy.get(), 0755) == 0;
}

// With rules for what may be executed, a copy of the program must not be.
void try_copy(const sandbox& candidate, job_request job, trial_result& result) {
  const auto copy = candidate.path_here(job.work_dir) + "/copy";
  // Made where the directory is on the machine, not on a disk of the job's.
  job.spec.mechanisms &= ~uint64_t{wire::disk_tmpfs};
  job.exec_path = job.work_dir + "/copy";
  const auto made = copy_program("/bin/true", copy);
  if (!made)
    say(result, start_stage::exec, "a copy of a program to try cannot be made");
  const auto failure = made ? run_once(candidate, job) : wire::start_failure{};
  ::unlink(copy.c_str());
  if (!made)
    return;
  errno = failure.error;
  if (failure.error == 0)
    say(result, start_stage::exec, "a file that a job wrote was executed");
  else if (failure.stage != start_stage::exec || failure.error != EACCES)
    say(result, start_stage::exec, "a file that a job wrote was not refused");
}

trial_result try_job(const setup_request& request, const sandbox& candidate) {
  trial_result result;
  const auto job = trial_job(request, candidate.mechanisms);
  const auto failure = run_once(candidate, job);
  result.stage = failure.stage;
  result.error = failure.error;
  if (result.error == 0 && (candidate.mechanisms & all_exec_rules) != 0)
    try_copy(candidate, job, result);
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
    else if (failed = enter_private_root(candidate.root); !failed.empty())
      say(result, start_stage::mounts, failed);
  }
  if (failed.empty() && !(failed = candidate.make_exec_rules()).empty())
    say(result, start_stage::filters, failed);
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
