#pragma once

#include <functional>
#include <memory>

namespace ocw {

/// Turns SIGINT, SIGTERM and SIGHUP into one call of a function while it
/// lives. The second of them ends the process at once, with 130. Only one at a
/// time.
class interrupts {
public:
  interrupts();
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
