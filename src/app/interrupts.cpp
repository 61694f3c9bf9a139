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
std::atomic<int> more_to_pass_on{0}; // after the first

constexpr auto watched = std::to_array<int>({SIGINT, SIGTERM, SIGHUP, SIGQUIT});

extern "C" void take_signal(int number) {
  auto none = 0;
  if (!first_signal.compare_exchange_strong(none, number)
      && more_to_pass_on.fetch_sub(1) <= 0)
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
  std::function<void()> hurry;

  int next_signal() const;
};

/// Waits for a signal; 0: there is nothing to wait for any more.
int interrupts::parts::next_signal() const {
  auto entry = pollfd{pipe[0], POLLIN, 0};
  while (::poll(&entry, 1, -1) < 0) {
    // interrupted by the very signal
  }
  auto number = char{0};
  return ::read(pipe[0], &number, 1) == 1 ? number : 0;
}

interrupts::interrupts(std::function<void()> hurry)
  : parts_(std::make_unique<parts>()) {
  first_signal = 0;
  more_to_pass_on = hurry ? 1 : 0;
  parts_->hurry = std::move(hurry);
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
  parts_->watcher = std::thread{[at = parts_.get(), act = std::move(act)] {
    const auto number = at->next_signal();
    if (number == 0)
      return;
    act(number);
    if (at->hurry && at->next_signal() != 0)
      at->hurry();
  }};
}

int interrupts::first() const {
  return first_signal;
}

} // namespace ocw
