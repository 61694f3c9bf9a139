#include "launcher/setup.hpp"
#include "ocw/errors.hpp"
#include "process/program_list.hpp"
#include "process/sandbox_report.hpp"

#include "support/catch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace ocw;

namespace fs = std::filesystem;

namespace {

bool contains(const std::vector<std::string>& paths, const std::string& path) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

security_config listing(std::vector<std::string> names) {
  auto result = security_config{};
  result.policy = exec_policy::allowlist;
  result.command_allowlist = std::move(names);
  return result;
}

} // namespace

TEST_CASE("listed names become files, the links to them, and their loader") {
  const auto found = programs_named({"sh", "no-such-program"});
  const auto link = fs::canonical("/bin") / "sh";
  CHECK(contains(found, link.string()));
  CHECK(contains(found, fs::canonical("/bin/sh").string()));
  const auto is_loader = [](const std::string& path) {
    return path.find("/ld-") != std::string::npos;
  };
  CHECK(std::any_of(found.begin(), found.end(), is_loader));
  for (const auto& path : found) {
    CAPTURE(path);
    const auto directory = fs::path{path}.parent_path();
    CHECK(fs::canonical(directory) == directory);
    CHECK(path.find("no-such") == std::string::npos);
  }
}

TEST_CASE("an empty list still has what trials run, and nothing else") {
  const auto found = programs_named({});
  CHECK(contains(found, fs::canonical("/bin/true").string()));
  CHECK_FALSE(contains(found, fs::canonical("/bin/sh").string()));
}

TEST_CASE("a script brings its interpreter") {
  // Any script that this machine has installed will do.
  for (const auto& each : fs::directory_iterator{fs::canonical("/usr/bin")}) {
    auto file = std::ifstream{each.path()};
    auto line = std::string{};
    if (!each.is_regular_file() || !std::getline(file, line)
        || line != "#!/bin/sh" || ::access(each.path().c_str(), X_OK) != 0)
      continue;
    CAPTURE(each.path());
    const auto found = programs_named({each.path().filename()});
    CHECK(contains(found, each.path().string()));
    CHECK(contains(found, fs::canonical("/bin/sh").string()));
    return;
  }
  WARN("no script in /usr/bin: nothing was looked at");
}

TEST_CASE("a job's own program has to be listed") {
  auto request = job_request{};
  request.argv = {"git", "log"};
  CHECK_FALSE(check_main_program(request, listing({"git"})));
  CHECK_FALSE(check_main_program(request, security_config{}));
  const auto refused = check_main_program(request, listing({"ls"}));
  CHECK(code_of(refused) == ec::policy_denied);
  CHECK(field_of(refused) == "argv");
  CHECK(sentence_of(refused).find("'git' (rule security.exec_policy)")
        != std::string::npos);
  for (const auto* word : {"/usr/bin/git", "/bin/git"}) {
    request.argv = {word};
    CHECK_FALSE(check_main_program(request, listing({"git"})));
  }
  for (const auto* word : {"./git", "/opt/git", "git/", "/", "", "a/git"}) {
    request.argv = {word};
    CHECK(check_main_program(request, listing({"git"})));
  }
}

TEST_CASE("a command is its shell's to run") {
  auto request = job_request{};
  request.command = "ls";
  CHECK_FALSE(check_main_program(request, listing({"bash", "sh"})));
  CHECK(field_of(check_main_program(request, listing({"ls"}))) == "command");
}

TEST_CASE("launchers are asked for it only where the policy wants it") {
  auto settings = config{};
  settings.session.base_dir = "/nonexistent/sessions";
  CHECK(setup_for(settings, "/s", "/p").root.programs.empty());
  CHECK((setup_for(settings, "/s", "/p").fixed.wanted
         & (wire::noexec | wire::exec_allowlist | wire::exec_direct))
        == 0);
  settings.security.policy = exec_policy::allowlist;
  const auto asked = setup_for(settings, "/s", "/p");
  CHECK_FALSE(asked.root.programs.empty());
  CHECK((asked.fixed.wanted & wire::exec_allowlist) != 0);
  auto heard = launcher::setup_request{};
  CHECK(launcher::decode(launcher::encode(asked), heard).empty());
  CHECK(heard.root.programs == asked.root.programs);
}

TEST_CASE("a set-up with more programs than there may be is no set-up") {
  auto asked = launcher::setup_request{};
  asked.root.programs.resize(wire::max_programs + 1, "/bin/true");
  auto heard = launcher::setup_request{};
  CHECK(launcher::decode(launcher::encode(asked), heard)
        == "more programs than there may be");
}
