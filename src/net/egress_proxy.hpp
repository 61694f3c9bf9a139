#pragma once

#include "net/egress_audit.hpp"
#include "net/stream.hpp"
#include "ocw/config.hpp"

#include <memory>

namespace ocw::net {

/// An HTTP proxy for the jobs of this node that lets them connect to what its
/// rules allow. Each session has its own socket to it, in its own network; at
/// most 64 connections of a session are served at once, more wait. I/O thread.
class egress_proxy final : public egress_door {
public:
  egress_proxy(asio::io_context& io, egress_rules rules);

  /// Null where the settings, which are valid, allow nothing.
  static std::unique_ptr<egress_proxy> make(asio::io_context& io,
                                            const isolation_config& settings);
  ~egress_proxy() override;

  std::shared_ptr<void> serve(unique_fd listener, about whom) override;

  const egress_counters& counters() const;

private:
  struct shared;
  asio::io_context& io_;
  std::shared_ptr<shared> shared_; ///< with sessions that still end
};

} // namespace ocw::net
