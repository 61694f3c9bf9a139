#include "app/console.hpp"

#include "app/exit_codes.hpp"
#include "app/table.hpp"
#include "messages/error_json.hpp"
#include "ocw/errors.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace ocw {

namespace {

bool errors_are_json = false;

} // namespace

int write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      auto entry = pollfd{fd, POLLOUT, 0};
      ::poll(&entry, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

int print(std::string_view text) {
  return write_fully(STDOUT_FILENO, text) == 0 ? exit_ok : exit_failed;
}

void complain(std::string_view sentence) {
  // One write, so that lines of several programs do not mix.
  auto text = std::string{"opencode-worker: "};
  for (auto begin = size_t{0}; begin <= sentence.size();) {
    const auto end = std::min(sentence.find('\n', begin), sentence.size());
    text += printable(sentence.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  write_fully(STDERR_FILENO, text);
}

int complain(const caf::error& err, int exit_code) {
  if (errors_are_json)
    write_fully(STDERR_FILENO, error_json(err) + '\n');
  else
    complain(sentence_of(err));
  return exit_code;
}

void complain_in_json() {
  errors_are_json = true;
}

bool may_color() {
  const auto* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1
         && (no_color == nullptr || *no_color == '\0');
}

} // namespace ocw
