#include "process/artifacts.hpp"

#include "messages/utf8.hpp"
#include "ocw/errors.hpp"
#include "process/safe_files.hpp"

#include <openssl/evp.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <set>

namespace ocw {

namespace {

// A job may leave anything behind; these bound the work it can make us do.
constexpr size_t max_artifacts = 10000;
constexpr size_t max_entries = 200000;
constexpr size_t max_path_length = 4096;
constexpr uint64_t max_total_bytes = uint64_t{4} << 30;
constexpr auto buffer_size = size_t{256} << 10;

/// Hashes while bytes pass by.
class sha256_stream {
public:
  sha256_stream() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }

  void add(std::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }

  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    auto size = 0u;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    static constexpr char digits[] = "0123456789abcdef";
    auto result = std::string{};
    for (auto i = 0u; i < size; ++i) {
      result += digits[digest[i] >> 4];
      result += digits[digest[i] & 15];
    }
    return result;
  }

private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Calls `use` with the bytes of a file, up to `size`; an errno, or 0.
int read_through(int fd, uint64_t size,
                 const std::function<int(std::string_view)>& use) {
  auto buffer = std::make_unique_for_overwrite<char[]>(
    std::min<uint64_t>(buffer_size, std::max<uint64_t>(size, 1)));
  while (size > 0) {
    const auto got
      = ::read(fd, buffer.get(), std::min<uint64_t>(buffer_size, size));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? errno : 0;
    if (const auto failed = use({buffer.get(), static_cast<size_t>(got)}))
      return failed;
    size -= static_cast<uint64_t>(got);
  }
  return 0;
}

/// Walks a directory the job wrote, and copies what is wanted.
class collector {
public:
  collector(std::string target, collected& result)
    : target_(std::move(target)), result_(result) {}

  using filter = std::function<bool(const std::string& path)>;

  void walk(const std::string& root, const filter& wanted) {
    auto top = unique_fd{
      ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!top)
      return;
    // Names, not descriptors, wait here: a tree may be wide and deep.
    auto open = std::vector<std::string>{{}};
    while (!open.empty()) {
      const auto directory = std::move(open.back());
      open.pop_back();
      list(top.get(), directory, open, wanted);
    }
  }

private:
  void list(int top, const std::string& directory,
            std::vector<std::string>& open, const filter& wanted) {
    auto fd = open_below(top, directory.empty() ? "." : directory,
                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd)
      return note(directory, "cannot be read");
    auto* entries = ::fdopendir(fd->release());
    while (const auto* entry = ::readdir(entries)) {
      const auto name = std::string_view{entry->d_name};
      if (name == "." || name == "..")
        continue;
      if (++seen_ > max_entries) {
        note(directory, "holds more than can be looked at");
        open.clear();
        break;
      }
      auto path = directory.empty() ? std::string{name}
                                    : directory + "/" + std::string{name};
      visit(top, ::dirfd(entries), std::move(path), open, wanted);
    }
    ::closedir(entries);
  }

  void visit(int top, int at, std::string path, std::vector<std::string>& open,
             const filter& wanted) {
    const auto name = path.substr(path.rfind('/') + 1);
    struct stat what {};
    if (::fstatat(at, name.c_str(), &what, AT_SYMLINK_NOFOLLOW) != 0)
      return;
    if (S_ISDIR(what.st_mode)) {
      if (path.size() < max_path_length)
        open.push_back(std::move(path));
      else
        note(path.substr(0, 64) + "…", "is too deep");
      return;
    }
    if (!wanted(path) || !taken_.insert(path).second)
      return;
    if (!S_ISREG(what.st_mode))
      return note(path, "is not a regular file");
    // Records and JSON hold text: it would not be found again by its name.
    if (!is_utf8(path)) {
      auto shown = std::string{};
      append_lossy(shown, path);
      return note(shown, "has a name that is not UTF-8");
    }
    if (result_.files.size() >= max_artifacts)
      return note(path, "is one too many");
    copy(top, path);
  }

  void copy(int top, const std::string& path) {
    // O_NONBLOCK: it may have become a FIFO since it was looked at.
    auto from = open_below(top, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat what {};
    if (!from || ::fstat(from->get(), &what) != 0 || !S_ISREG(what.st_mode))
      return note(path, "cannot be read");
    if (static_cast<uint64_t>(what.st_size) > max_total_bytes - total_)
      return note(path, "is too large to be kept");
    auto directory = open_target();
    if (!directory)
      return note(path, "cannot be stored");
    if (auto failed = write_below(directory.get(), path, {}, 0600)) {
      result_.store_full |= code_of(failed) == ec::unavailable;
      return note(path, sentence_of(failed));
    }
    auto to = open_below(directory.get(), path, O_WRONLY);
    if (!to)
      return note(path, "cannot be stored");
    auto hash = sha256_stream{};
    auto size = uint64_t{0};
    const auto failed
      = read_through(from->get(), static_cast<uint64_t>(what.st_size),
                     [&](std::string_view bytes) {
                       hash.add(bytes);
                       size += bytes.size();
                       return write_all(to->get(), bytes);
                     });
    if (failed) {
      result_.store_full |= failed == ENOSPC || failed == EDQUOT;
      ::unlinkat(directory.get(), path.c_str(), 0);
      return note(path, std::strerror(failed));
    }
    total_ += size;
    result_.files.push_back({path, size, hash.hex()});
  }

  unique_fd open_target() {
    ::mkdir(target_.c_str(), 0700);
    return unique_fd{::open(target_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  }

  // The first few are named; a job can leave a hundred thousand of them.
  void note(const std::string& path, const std::string& what) {
    if (++noted_ > 10)
      return;
    result_.warning
      += (result_.warning.empty() ? "'" : "; '") + path + "' " + what;
  }

  std::string target_;
  collected& result_;
  std::set<std::string> taken_;
  size_t seen_ = 0;
  uint64_t total_ = 0;
  size_t noted_ = 0;
};

} // namespace

// Backtracking with memory: every pair of positions is tried once, so a glob
// made to be slow is not.
bool glob_matches(std::string_view glob, std::string_view path) {
  const auto width = path.size() + 1;
  auto failed = std::vector<bool>((glob.size() + 1) * width);
  std::function<bool(size_t, size_t)> match = [&](size_t g, size_t p) {
    if (g == glob.size())
      return p == path.size();
    if (failed[g * width + p])
      return false;
    const auto more = p < path.size();
    auto result = false;
    if (glob.substr(g).starts_with("**/"))
      result = match(g + 3, p)
               || (path.find('/', p) != path.npos
                   && match(g, path.find('/', p) + 1));
    else if (glob.substr(g).starts_with("**"))
      result = match(g + 2, p) || (more && match(g, p + 1));
    else if (glob[g] == '*')
      result = match(g + 1, p) || (more && path[p] != '/' && match(g, p + 1));
    else
      result = more
               && (glob[g] == path[p] || (glob[g] == '?' && path[p] != '/'))
               && match(g + 1, p + 1);
    failed[g * width + p] = !result;
    return result;
  };
  return match(0, 0);
}

collected collect_artifacts(const session_layout& layout,
                            const std::vector<std::string>& globs,
                            const std::string& target) {
  auto result = collected{};
  auto from = collector{target, result};
  from.walk(layout.output, [](const std::string&) { return true; });
  if (!globs.empty())
    from.walk(layout.work, [&](const std::string& path) {
      return std::any_of(globs.begin(), globs.end(), [&](const auto& glob) {
        return glob_matches(glob, path);
      });
    });
  std::sort(result.files.begin(), result.files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return result;
}

std::string sha256_of_file(const std::string& path, uint64_t size) {
  auto hash = sha256_stream{};
  const auto file = unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file)
    read_through(file.get(), size, [&](std::string_view bytes) {
      hash.add(bytes);
      return 0;
    });
  return hash.hex();
}

} // namespace ocw
