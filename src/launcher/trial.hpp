#pragma once

#include "launcher/sandbox.hpp"

#include <string>
#include <vector>

namespace ocw::launcher {

/// What a trial says of itself, through a pipe.
struct trial_result {
  wire::start_stage stage = wire::start_stage::decode;
  int32_t error = ECHILD; ///< 0: all of it works
  char text[160] = {};    ///< what failed, where the stage does not tell
};

/// Runs /bin/true the way a job is run, with everything of `candidate`, in a
/// process that is gone afterwards.
trial_result hold_trial(const setup_request& request, sandbox& candidate);

/// The directories of the job that is tried, while this object lives.
class trial_directories {
public:
  explicit trial_directories(const setup_request& request);
  trial_directories(const trial_directories&) = delete;
  trial_directories& operator=(const trial_directories&) = delete;
  ~trial_directories();

private:
  std::vector<std::string> all() const;

  std::string top_;
  std::vector<std::string> in_tmp_;
};

} // namespace ocw::launcher
