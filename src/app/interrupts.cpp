#include "app/interrupts.hpp"

#include "app/exit_codes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

namespace ocw {

namespace {

// All that a signal handler may touch.
std::atomic<int> first_signal{0};
std::atomic<int> wake_end{-1};

constexpr auto watched = std::to_array<int>({SIGINT, SIGTERM, SIGHUP});

extern "C" void take_signal(int number) {
  auto none = 0;
  if (!first_signal.compare_exchange_strong(none, number))
    ::_exit(exit_cancelled);
  const auto kept = errno;
  const auto byte = static_cast<char>(number);
  // A full pipe holds a wake-up already.
  [[maybe_unused]] const auto written = ::write(wake_end.load(), &byte, 1);
  errno = kept;
}

} // namespace

struct interrupts::parts {
  std::array<int, 2> pipe{-1, -1};
  std::array<struct sigaction, watched.size()> before{};
  std::thread watcher;
};

interrupts::interrupts() : parts_(std::make_unique<parts>()) {
  first_signal = 0;
  if (::pipe2(parts_->pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    return;
  wake_end = parts_->pipe[1];
  for (auto i = size_t{0}; i < watched.size(); ++i) {
    struct sigaction action = {};
    action.sa_handler = &take_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(watched[i], nullptr, &parts_->before[i]);
    // What whoever started this asked to be ignored (nohup) stays so.
    if (parts_->before[i].sa_handler != SIG_IGN)
      ::sigaction(watched[i], &action, nullptr);
  }
}

interrupts::~interrupts() {
  if (parts_->pipe[1] < 0)
    return;
  for (auto i = size_t{0}; i < watched.size(); ++i)
    ::sigaction(watched[i], &parts_->before[i], nullptr);
  // Zero is no signal: it ends the watcher.
  const auto end = char{0};
  [[maybe_unused]] const auto written = ::write(parts_->pipe[1], &end, 1);
  if (parts_->watcher.joinable())
    parts_->watcher.join();
  wake_end = -1;
  ::close(parts_->pipe[0]);
  ::close(parts_->pipe[1]);
}

void interrupts::watch(std::function<void(int)> act) {
  if (parts_->pipe[0] < 0)
    return;
  parts_->watcher = std::thread{[fd = parts_->pipe[0], act = std::move(act)] {
    auto entry = pollfd{fd, POLLIN, 0};
    while (::poll(&entry, 1, -1) < 0) {
      // interrupted by the very signal
    }
    auto number = char{0};
    if (::read(fd, &number, 1) == 1 && number != 0)
      act(number);
  }};
}

int interrupts::first() const {
  return first_signal;
}

} // namespace ocw
