#include "app/stdin_pump.hpp"

#include "app/console.hpp"
#include "app/node_answer.hpp"
#include "ocw/errors.hpp"
#include "process/unique_fd.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

namespace ocw {

namespace {

constexpr auto piece_bytes = size_t{64} << 10;
constexpr auto pause_ms = 25;

bool is_null_device(const struct stat& file) {
  return S_ISCHR(file.st_mode) && file.st_rdev == ::makedev(1, 3);
}

} // namespace

input_kind kind_of_stdin() {
  struct stat file = {};
  if (::fstat(STDIN_FILENO, &file) != 0 || is_null_device(file))
    return input_kind::nothing;
  return input_kind::stream;
}

struct stdin_pump::parts {
  http_client node;
  std::string job_id;
  unique_fd stop;
  std::thread runner;

  /// Waits until there is input, or `timeout_ms` passed. False: stop.
  bool wait(bool for_input, int timeout_ms) {
    auto entries = std::array<pollfd, 2>{
      {{stop.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const auto count = for_input ? nfds_t{2} : nfds_t{1};
    while (::poll(entries.data(), count, timeout_ms) < 0)
      if (errno != EINTR)
        return false;
    return entries[0].revents == 0;
  }

  /// Sends one piece. False: the job takes no more.
  bool send(std::string_view bytes, bool eof) {
    auto call
      = http_call{.method = "POST",
                  .target = job_target(job_id, eof ? "/stdin?eof=1" : "/stdin"),
                  .body = std::string{bytes},
                  .content_type = "application/octet-stream"};
    // Sent twice, the job would read it twice.
    call.repeatable = false;
    for (;;) {
      const auto answer = node.request(call);
      if (!answer) {
        complain("standard input broke off: " + sentence_of(answer.error()));
        return false;
      }
      // The session may not be there yet, or another request's turn.
      if (answer->status != 503 && answer->status != 429)
        return answer->ok();
      if (!wait(false, pause_ms))
        return false;
    }
  }

  void run() {
    auto piece = std::array<char, piece_bytes>{};
    while (wait(true, -1)) {
      const auto n = ::read(STDIN_FILENO, piece.data(), piece.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN))
        continue;
      // A terminal that belongs to another job reads as EIO: there is no more
      // to be had from it.
      const auto eof = n <= 0;
      const auto bytes
        = std::string_view{piece.data(), eof ? 0 : static_cast<size_t>(n)};
      if (!send(bytes, eof) || eof)
        return;
    }
  }
};

stdin_pump::stdin_pump(http_client node, std::string job_id)
  : parts_(new parts{std::move(node),
                     std::move(job_id),
                     unique_fd{::eventfd(0, EFD_CLOEXEC)},
                     {}}) {
  parts_->runner = std::thread{[at = parts_.get()] { at->run(); }};
}

stdin_pump::~stdin_pump() {
  const auto one = uint64_t{1};
  [[maybe_unused]] const auto written
    = ::write(parts_->stop.get(), &one, sizeof(one));
  parts_->runner.join();
}

} // namespace ocw
