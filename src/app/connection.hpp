#pragma once

#include "app/endpoint.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace ocw {

/// A blocking connection to a node, with TLS where the URL says https: the
/// certificate and its host name are verified against the system's
/// authorities, or only those in `ca_file`. One thread at a time.
///
/// All errors are `ec::unavailable` about the field `url`: the node could not
/// be reached, or not any more.
class connection {
public:
  struct options {
    std::string ca_file = {}; ///< PEM; empty: the system's
    std::chrono::milliseconds patience{5000};
  };

  static caf::expected<std::unique_ptr<connection>> open(const endpoint& where,
                                                         const options& how);

  ~connection();

  /// Reads what is there, waiting for it at most `patience`. 0: the node has
  /// closed the connection.
  caf::expected<size_t> read(char* into, size_t most,
                             std::chrono::milliseconds patience);

  /// Writes all of `bytes`; `patience` is for each stretch without progress.
  caf::error write(std::string_view bytes, std::chrono::milliseconds patience);

  /// True when an idle connection is of no more use: the node closed it.
  bool is_stale() const;

private:
  struct parts;
  explicit connection(std::unique_ptr<parts> what);
  std::unique_ptr<parts> parts_;
};

/// An error in the sense of `connection`: the node cannot be reached.
caf::error unreachable(std::string sentence);

/// Whether an error says that the node could not be reached, or not any more.
bool is_unreachable(const caf::error& err);

} // namespace ocw
