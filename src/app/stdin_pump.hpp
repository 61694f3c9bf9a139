#pragma once

#include "app/http_client.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace ocw {

/// What standard input is, as far as a job is concerned.
enum class input_kind : uint8_t {
  nothing, ///< closed, or /dev/null
  stream,  ///< a terminal, a pipe, a file
};

input_kind kind_of_stdin();

/// Sends this process's standard input to a running job's, in pieces, and the
/// end when it comes, on a thread of its own. Destroying it stops that.
class stdin_pump {
public:
  stdin_pump(http_client node, std::string job_id);
  ~stdin_pump();

  stdin_pump(const stdin_pump&) = delete;
  stdin_pump& operator=(const stdin_pump&) = delete;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace ocw
