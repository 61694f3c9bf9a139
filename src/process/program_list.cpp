#include "process/program_list.hpp"

#include "launcher/wire.hpp"
#include "ocw/errors.hpp"
#include "process/command_line.hpp"

#include <fmt/format.h>

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

namespace ocw {

namespace fs = std::filesystem;

namespace {

constexpr auto standard_directories
  = std::to_array<std::string_view>({"/usr/local/sbin", "/usr/local/bin",
                                     "/usr/sbin", "/usr/bin", "/sbin", "/bin"});

bool is_executable_file(const std::string& path) {
  struct stat what {};
  return ::stat(path.c_str(), &what) == 0 && S_ISREG(what.st_mode)
         && ::access(path.c_str(), X_OK) == 0;
}

/// A path whose directories are no links; its last part may be one.
std::string with_real_directory(const fs::path& path) {
  auto failed = std::error_code{};
  const auto directory = fs::canonical(path.parent_path(), failed);
  return failed ? std::string{} : (directory / path.filename()).string();
}

/// The loader that a dynamic ELF program names; empty for other files.
std::string loader_in(std::istream& file) {
  auto head = Elf64_Ehdr{};
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(&head), sizeof(head))
      || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0
      || head.e_ident[EI_CLASS] != ELFCLASS64)
    return {};
  for (auto i = 0; i < head.e_phnum; ++i) {
    auto part = Elf64_Phdr{};
    file.seekg(
      static_cast<std::streamoff>(head.e_phoff + i * uint64_t{sizeof(part)}));
    if (!file.read(reinterpret_cast<char*>(&part), sizeof(part)))
      return {};
    auto name = std::array<char, 512>{};
    if (part.p_type != PT_INTERP || part.p_filesz >= name.size())
      continue;
    file.seekg(static_cast<std::streamoff>(part.p_offset));
    file.read(name.data(), static_cast<std::streamsize>(part.p_filesz));
    return file ? std::string{name.data()} : std::string{};
  }
  return {};
}

/// What the kernel runs a script with; execve(2).
std::string interpreter_in(std::istream& file) {
  auto line = std::string{};
  constexpr auto longest = size_t{256}; // as the kernel reads it
  line.resize(longest);
  file.seekg(0);
  file.read(line.data(), static_cast<std::streamsize>(longest));
  line.resize(static_cast<size_t>(file.gcount()));
  file.clear();
  if (line.compare(0, 2, "#!") != 0)
    return {};
  line.resize(std::min(line.find('\n'), line.size()));
  const auto begin = line.find_first_not_of(" \t", 2);
  if (begin == std::string::npos)
    return {};
  return line.substr(begin, line.find_first_of(" \t", begin) - begin);
}

class program_finder {
public:
  void add_named(const std::string& name) {
    for (const auto directory : standard_directories) {
      const auto path = std::string{directory} + "/" + name;
      if (is_executable_file(path))
        add(path);
    }
  }

  std::vector<std::string> take() { return {found_.begin(), found_.end()}; }

private:
  // Follows links one by one, so that each is known.
  void add(fs::path path) {
    constexpr auto most_links = 40; // as the kernel follows; path_resolution(7)
    auto failed = std::error_code{};
    for (auto i = 0; i < most_links; ++i) {
      const auto place = with_real_directory(path);
      if (place.empty() || found_.size() >= wire::max_programs
          || !found_.insert(place).second)
        return;
      if (!fs::is_symlink(place, failed))
        return add_needs(place);
      path = fs::path{place}.parent_path() / fs::read_symlink(place, failed);
    }
  }

  void add_needs(const std::string& program) {
    auto file = std::ifstream{program, std::ios::binary};
    for (const auto& needed : {interpreter_in(file), loader_in(file)})
      if (!needed.empty() && needed.front() == '/'
          && is_executable_file(needed))
        add(needed);
  }

  std::set<std::string> found_;
};

caf::error denied(const std::string& word, std::string_view why,
                  std::string field) {
  return make_error(
    ec::policy_denied,
    fmt::format("the command policy refuses '{}' (rule security.exec_policy): "
                "{}",
                word, why),
    std::move(field));
}

/// Whether a path names a program of the list where programs are.
bool is_listed(const std::string& path, const std::vector<std::string>& names) {
  const auto slash = path.rfind('/');
  const auto name = path.substr(slash + 1);
  const auto directory = std::string_view{path}.substr(0, slash);
  const auto is_place = slash == std::string::npos
                        || std::find(standard_directories.begin(),
                                     standard_directories.end(), directory)
                             != standard_directories.end();
  return is_place && std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

std::vector<std::string> programs_named(const std::vector<std::string>& names) {
  auto finder = program_finder{};
  finder.add_named("true");
  for (const auto& name : names)
    finder.add_named(name);
  return finder.take();
}

caf::error check_main_program(const job_request& request,
                              const security_config& settings) {
  if (settings.policy == exec_policy::any)
    return {};
  const auto& names = settings.command_allowlist;
  if (!request.command) {
    const auto& word = request.argv->front();
    return is_listed(word, names)
             ? caf::error{}
             : denied(word,
                      "only programs of security.command_allowlist can be "
                      "executed, by name or where programs are installed; "
                      "start one of them, such as bash or python3 with a file",
                      "argv");
  }
  return is_listed(shell_program(), names)
           ? caf::error{}
           : denied(shell_program(),
                    "it runs every 'command', and is not in "
                    "security.command_allowlist; use argv with a program that "
                    "is, or have the node's operator add it",
                    "command");
}

} // namespace ocw
