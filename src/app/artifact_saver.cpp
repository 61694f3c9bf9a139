#include "app/artifact_saver.hpp"

#include "app/console.hpp"
#include "app/node_answer.hpp"
#include "messages/job_request.hpp"
#include "messages/json_reader.hpp"
#include "net/bodies.hpp"
#include "ocw/errors.hpp"
#include "process/unique_fd.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

namespace ocw {

namespace {

caf::error cannot(std::string_view verb, const std::string& path, int problem) {
  auto sentence = std::string{"cannot "}.append(verb).append(" '") + path;
  return make_error(ec::unavailable, sentence + "': " + std::strerror(problem));
}

/// SHA-256 of what passes by.
class digest {
public:
  digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }

  void add(std::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }

  std::string hex() {
    static constexpr auto digits = std::string_view{"0123456789abcdef"};
    auto bytes = std::array<unsigned char, EVP_MAX_MD_SIZE>{};
    auto size = 0u;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &size);
    auto result = std::string{};
    for (auto i = size_t{0}; i < size; ++i) {
      result += digits[bytes[i] >> 4];
      result += digits[bytes[i] & 15];
    }
    return result;
  }

private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Opens the directory that `path` is in, making the ones on the way.
caf::expected<unique_fd> open_parent(int root, const std::string& path) {
  auto at = unique_fd{::fcntl(root, F_DUPFD_CLOEXEC, 0)};
  auto begin = size_t{0};
  for (auto slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', begin)) {
    const auto name = path.substr(begin, slash - begin);
    begin = slash + 1;
    if (::mkdirat(at.get(), name.c_str(), 0777) != 0 && errno != EEXIST)
      return cannot("make", path.substr(0, slash), errno);
    auto next = unique_fd{::openat(
      at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!next)
      return cannot("open", path.substr(0, slash), errno);
    at = std::move(next);
  }
  return at;
}

/// A file that takes its name only when it is whole.
class new_file {
public:
  new_file(int directory, std::string name)
    : directory_(directory), name_(std::move(name)), part_(name_ + ".part") {
    ::unlinkat(directory_, part_.c_str(), 0);
    fd_ = unique_fd{
      ::openat(directory_, part_.c_str(),
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)};
    problem_ = fd_ ? 0 : errno;
  }

  ~new_file() {
    if (fd_)
      ::unlinkat(directory_, part_.c_str(), 0);
  }

  bool write(std::string_view bytes) {
    if (problem_ == 0)
      problem_ = write_fully(fd_.get(), bytes);
    return problem_ == 0;
  }

  bool keep() {
    if (::renameat(directory_, part_.c_str(), directory_, name_.c_str()) != 0)
      problem_ = errno;
    else
      fd_.reset();
    return problem_ == 0;
  }

  int problem() const { return problem_; }

private:
  int directory_;
  std::string name_;
  std::string part_;
  unique_fd fd_;
  int problem_ = 0;
};

caf::error receive(http_client& node, const http_call& call,
                   const artifact_info& about, new_file& file) {
  auto sum = digest{};
  auto size = uint64_t{0};
  const auto answer = node.stream(call, [&](std::string_view piece) {
    sum.add(piece);
    size += piece.size();
    return file.write(piece);
  });
  if (file.problem() != 0)
    return cannot("write", about.path, file.problem());
  if (!answer)
    return answer.error();
  if (!answer->ok())
    return refusal_of(*answer);
  if (size != about.size || sum.hex() != about.sha256)
    return make_error(ec::internal, "'" + about.path
                                      + "' arrived with other bytes than the "
                                        "node listed");
  return {};
}

caf::error save_one(http_client& node, const std::string& job_id,
                    const artifact_info& about, int root) {
  if (const auto problem = problem_with_path(about.path); !problem.empty())
    return make_error(ec::forbidden, "the artifact '" + about.path + "' "
                                       + std::string{problem});
  auto parent = open_parent(root, about.path);
  if (!parent)
    return std::move(parent.error());
  const auto slash = about.path.rfind('/');
  auto file = new_file{parent->get(), slash == std::string::npos
                                        ? about.path
                                        : about.path.substr(slash + 1)};
  if (file.problem() != 0)
    return cannot("write", about.path, file.problem());
  auto call = http_call{};
  call.target
    = job_target(job_id, "/artifacts/") + percent_encoded(about.path, "/");
  if (auto err = receive(node, call, about, file))
    return err;
  return file.keep() ? caf::error{}
                     : cannot("write", about.path, file.problem());
}

} // namespace

caf::expected<std::vector<artifact_info>>
list_artifacts(http_client& node, const std::string& job_id) {
  auto call = http_call{};
  call.target = job_target(job_id, "/artifacts");
  auto text = ask_text(node, call);
  if (!text)
    return std::move(text.error());
  auto list = read_json<net::artifact_list>(*text, {.ignore_unknown = true});
  if (!list)
    return std::move(list.error());
  return std::move(list->artifacts);
}

caf::error save_artifacts(http_client& node, const std::string& job_id,
                          const std::vector<artifact_info>& which,
                          const std::string& directory) {
  auto problem = std::error_code{};
  std::filesystem::create_directories(directory, problem);
  const auto root
    = unique_fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root)
    return cannot("open", directory, errno);
  for (const auto& about : which)
    if (auto err = save_one(node, job_id, about, root.get()))
      return err;
  return {};
}

} // namespace ocw
