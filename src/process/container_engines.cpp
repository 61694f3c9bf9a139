#include "process/container_engines.hpp"

#include "process/unique_fd.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/process/v2/pid.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace ocw {

namespace bp = boost::process::v2;

namespace {

constexpr auto patience = std::chrono::seconds{5};
constexpr auto most_bytes = size_t{4096}; // of what an engine says

/// Reads until the end, or for as long as the patience lasts, which false
/// tells.
bool read_all(int fd, std::string& text) {
  using clock = std::chrono::steady_clock;
  const auto end = clock::now() + patience;
  while (text.size() < most_bytes) {
    const auto left
      = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now());
    auto ready = pollfd{fd, POLLIN, 0};
    if (left.count() <= 0)
      return false;
    if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
      continue;
    auto piece = std::array<char, 512>{};
    const auto n = ::read(fd, piece.data(), piece.size());
    if (n <= 0)
      return n == 0 || errno != EINTR;
    text.append(piece.data(), static_cast<size_t>(n));
  }
  return true;
}

// For its --version, which asks no daemon.
void ask_engine(container_engine& engine) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    engine.problem = "no pipe for its output";
    return;
  }
  auto ours = unique_fd{ends[0]};
  auto theirs = unique_fd{ends[1]};
  auto io = boost::asio::io_context{};
  auto failed = boost::system::error_code{};
  auto child = bp::posix::vfork_launcher{}(
    io.get_executor(), failed, engine.path,
    std::vector<std::string>{"--version"},
    bp::process_stdio{.in = nullptr, .out = theirs.get(), .err = nullptr});
  theirs.reset();
  if (failed) {
    engine.problem = failed.message();
    return;
  }
  auto said = std::string{};
  if (!read_all(ours.get(), said)) {
    engine.problem = "it does not answer";
    child.terminate(failed);
  }
  ours.reset(); // what it may still have to say is not waited for
  const auto code = child.wait(failed);
  engine.version = version_in(said);
  if (engine.problem.empty() && engine.version.empty())
    engine.problem = fmt::format("it tells no version (exit code {})", code);
}

/// Where a program is on PATH; empty when it is in none of its directories.
std::string find_on_path(const std::string& name) {
  const auto* path = std::getenv("PATH");
  auto places = std::istringstream{path != nullptr ? path : ""};
  for (auto place = std::string{}; std::getline(places, place, ':');) {
    auto candidate = fmt::format("{}/{}", place, name);
    auto ignored = std::error_code{};
    // An empty place would be the directory we happen to be in.
    if (!place.empty() && ::access(candidate.c_str(), X_OK) == 0
        && std::filesystem::is_regular_file(candidate, ignored))
      return candidate;
  }
  return {};
}

container_engine look_for(const std::string& name) {
  auto engine = container_engine{name, {}, {}, {}};
  try {
    engine.path = find_on_path(name);
    if (!engine.path.empty())
      ask_engine(engine);
  } catch (const std::exception& err) { // of Boost: the path, the child
    engine.problem = err.what();
  }
  return engine;
}

} // namespace

std::vector<container_engine> find_container_engines() {
  return {look_for("docker"), look_for("podman")};
}

std::string version_in(const std::string& text) {
  auto words = std::istringstream{text};
  for (auto word = std::string{}; words >> word;)
    if (word.front() >= '0' && word.front() <= '9')
      return word.substr(0, word.find_last_not_of(',') + 1);
  return {};
}

} // namespace ocw
