#pragma once

#include <functional>
#include <memory>

namespace ocw {

/// Turns SIGINT, SIGTERM and SIGHUP into one call of a function while it
/// lives. The one after that hurries, where there is a way to, and the next
/// ends the process at once, with 130. Only one at a time.
class interrupts {
public:
  /// `hurry` is called for the second signal, after what the first one called;
  /// empty: the second ends the process.
  explicit interrupts(std::function<void()> hurry = {});
  ~interrupts();

  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  /// From now on the first signal, or one that came already, calls `act` with
  /// its number, on a thread of its own.
  void watch(std::function<void(int)> act);

  /// The number of the first signal that came; 0: none yet.
  int first() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace ocw
