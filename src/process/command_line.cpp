#include "process/command_line.hpp"

#include "launcher/mechanism_names.hpp"
#include "launcher/spec.hpp"
#include "ocw/errors.hpp"
#include "process/session_disk.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

namespace ocw {

namespace {

constexpr std::string_view base_path
  = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_program(const std::string& path) {
  struct stat what {};
  return ::stat(path.c_str(), &what) == 0 && S_ISREG(what.st_mode)
         && ::access(path.c_str(), X_OK) == 0;
}

std::string below(const std::string& directory, const std::string& name) {
  return directory + "/" + name;
}

// The search is done here, once: in the child every miss would be an execve.
caf::expected<std::string> find_program(const std::string& name,
                                        const std::string& search_path,
                                        const std::string& work,
                                        const std::string& work_here) {
  if (name.find('/') != std::string::npos)
    return name.front() == '/' ? name : work + "/" + name;
  for (auto begin = size_t{0}; begin <= search_path.size();) {
    const auto end = std::min(search_path.find(':', begin), search_path.size());
    const auto directory = search_path.substr(begin, end - begin);
    const auto below_work = directory.empty() || directory.front() != '/';
    const auto candidate = below(directory, name);
    if (is_program(below_work ? below(work_here, candidate) : candidate))
      return below_work ? below(work, candidate) : candidate;
    begin = end + 1;
  }
  return make_error(ec::not_found,
                    "cannot start the command: there is no program '" + name
                      + "' in the job's PATH",
                    "argv[0]");
}

// Programs disagree on the case of these names.
void add_proxy(std::map<std::string, std::string>& variables) {
  const auto proxy
    = std::string{"http://127.0.0.1:"} + std::to_string(wire::egress_port);
  for (const auto* name :
       {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"})
    variables.emplace(name, proxy);
  for (const auto* name : {"no_proxy", "NO_PROXY"})
    variables.emplace(name, "localhost,127.0.0.1");
}

std::map<std::string, std::string> environment_of(const session_task& task,
                                                  const session_layout& at,
                                                  uint64_t mechanisms) {
  auto result = std::map<std::string, std::string>{
    {"PATH", std::string{base_path}},
    {"HOME", at.work},
    {"TMPDIR", at.temporary},
    {"LANG", "C.UTF-8"},
    {"TERM", "dumb"},
    {"OUTPUT_DIR", at.output},
    {"JOB_ID", task.record->job_id},
    {"SESSION_ID", task.record->session_id},
  };
  if ((mechanisms & wire::egress_proxy) != 0)
    add_proxy(result);
  for (const auto* given : {&task.request->env, &task.request->secrets})
    for (const auto& [name, value] : *given)
      result.insert_or_assign(name, value);
  return result;
}

// A job that may not execute what it brings gets no file that is outside of
// every mount: ld.so could load it.
wire::stdin_mode input_mode(const job_request& request, uint64_t mechanisms) {
  if (!request.stdin_data || request.stdin_data->open
      || (!request.stdin_data->bytes.empty() && takes_pipes_only(mechanisms)))
    return wire::stdin_mode::pipe;
  return request.stdin_data->bytes.empty() ? wire::stdin_mode::none
                                           : wire::stdin_mode::file;
}

void set_limits(wire::job_spec& spec, const effective_limits& limits,
                uint64_t mechanisms) {
  spec.wall_ms = limits.timeout_ms;
  spec.idle_ms = limits.idle_timeout_ms;
  spec.output_bytes = limits.output_bytes;
  spec.memory_bytes = limits.memory_mib << 20;
  spec.disk_bytes = limits.disk_bytes;
  if (limits.disk_bytes != 0)
    spec.disk_files = files_of_disk(limits.disk_bytes);
  // A disk of its own holds all files together, and gaps in them cost nothing.
  if ((mechanisms & wire::disk_tmpfs) == 0)
    spec.file_bytes = limits.disk_bytes;
  spec.cpu_millicores = static_cast<uint32_t>(limits.cpu_cores * 1000);
  spec.pids = limits.pids;
}

} // namespace

const std::string& shell_program() {
  static const auto found
    = std::string{is_program("/bin/bash") ? "/bin/bash" : "/bin/sh"};
  return found;
}

bool takes_pipes_only(uint64_t mechanisms) {
  return (mechanisms & launcher::all_exec_rules) != 0;
}

caf::expected<command_line> command_line_of(const session_task& task,
                                            const session_layout& layout,
                                            const std::string& work_here,
                                            uint64_t mechanisms) {
  const auto variables = environment_of(task, layout, mechanisms);
  auto line = command_line{};
  if (task.request->command) {
    line.program = shell_program();
    line.argv = {line.program.substr(line.program.rfind('/') + 1), "-c",
                 *task.request->command};
  } else {
    line.argv = *task.request->argv;
    auto program = find_program(line.argv.front(), variables.at("PATH"),
                                layout.work, work_here);
    if (!program)
      return std::move(program.error());
    line.program = std::move(*program);
  }
  for (const auto& [name, value] : variables)
    line.environment.emplace_back(name).append("=").append(value);
  return line;
}

std::string encode_job(const session_task& task, const session_layout& layout,
                       const command_line& line, const session_config& settings,
                       const std::string& spool_prefix,
                       const session_hold& hold) {
  const auto& request = *task.request;
  auto job = launcher::job_request{};
  auto& spec = job.spec;
  set_limits(spec, task.limits, hold.mechanisms);
  spec.mechanisms = hold.mechanisms;
  spec.uid = hold.uid;
  spec.gid = hold.gid;
  spec.kill_grace_ms = static_cast<uint32_t>(settings.kill_grace_ms);
  spec.chunk_bytes = request.stream.chunk_size;
  spec.input = input_mode(request, hold.mechanisms);
  // Input that was asked for stays open; else a job that reads by mistake
  // must not wait for ever.
  if (!request.stdin_data)
    spec.stdin_wait_ms = static_cast<uint32_t>(settings.stdin_wait_ms);
  if (spec.input == wire::stdin_mode::pipe && !request.stdin_data
      && settings.stdin_wait_ms == 0)
    spec.input = wire::stdin_mode::none;
  spec.capture_stdout = request.stream.capture_stdout;
  spec.capture_stderr = request.stream.capture_stderr;
  job.spool_prefix = spool_prefix;
  job.session_dir = layout.root;
  job.workspace = request.workspace.value_or("");
  // A root of its own shows the workspace where work/ is.
  job.work_dir = (hold.mechanisms & wire::mount) != 0
                   ? layout.work
                   : request.workspace.value_or(layout.work);
  job.exec_path = line.program;
  job.argv = line.argv;
  job.env = line.environment;
  for (const auto& [name, value] : request.secrets)
    job.secrets.push_back(value);
  return launcher::encode(job);
}

} // namespace ocw
