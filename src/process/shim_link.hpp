#pragma once

#include "launcher/wire.hpp"
#include "ocw/messages/local.hpp"
#include "process/input_queue.hpp"
#include "process/session_machine.hpp"
#include "process/unique_fd.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocw {

/// What a job's owner hears of it. Called on the I/O thread; exactly one of
/// `refused` and `ended` is called, last.
struct shim_events {
  std::function<void(uint64_t cells)> output;
  /// Takes the socket that listens in the job's network, with `egress_proxy`.
  /// What it returns is let go of when the job is over, before its end is told.
  std::function<std::shared_ptr<void>(unique_fd listener)> egress;
  std::function<void(start_refused)> refused;
  std::function<void(process_end)> ended;
};

/// What a shim needs to start a job.
struct job_start {
  std::string frame; ///< an encoded `wire::job_spec`
  unique_fd input;   ///< the file that becomes its standard input, if any
  unique_fd disk;    ///< its session's disk, if it has one
};

/// The node's end of one shim's socket. Sends from any thread, never waiting:
/// what the socket does not take at once is queued and sent by the I/O thread.
/// Serves one job after the other.
class shim_link : public std::enable_shared_from_this<shim_link> {
public:
  /// Called on the I/O thread when the shim is ready for its next job (true)
  /// or gone (false).
  using idle_function
    = std::function<void(const std::shared_ptr<shim_link>&, bool usable)>;

  shim_link(boost::asio::io_context& io, unique_fd socket,
            idle_function became_idle);

  /// Begins to listen to the shim. Once, on any thread.
  void listen();

  /// Starts a job; `fed` is what it was sent before it started.
  void start(job_start job, shim_events events, input_queue fed);

  /// Asks the shim to stop its job, or to kill it at once.
  void stop(bool skip_grace = false);

  /// Sends input to the job, as it reads it.
  feeding feed(std::string bytes, bool eof);

  /// Whether the shim is alive, as far as can be told without asking it.
  bool is_there();

  /// Lets go of the shim: it ends a running job and exits.
  void close();

private:
  struct outgoing {
    std::string bytes;
    size_t sent = 0;
    std::array<unique_fd, wire::max_frame_fds> attached;
  };

  static outgoing frame_of(wire::frame_type type, std::string_view payload);
  void flush_locked();
  bool queue_input_locked();
  bool send_one_locked(outgoing& frame);
  void wait_readable();
  void wait_writable_locked();
  void read_frames();
  size_t take_frames(std::string_view bytes);
  void hear_of(std::optional<wire::output_notice> notice);
  void handle(wire::frame_type type, std::string_view payload);
  void serve_egress();
  void finish(const std::function<void(shim_events&)>& tell);
  void lost();

  idle_function became_idle_;
  std::mutex guard_; ///< over what follows, down to `input_`
  boost::asio::posix::stream_descriptor socket_;
  std::vector<outgoing> queue_;
  bool writing_ = false;
  bool busy_ = false;
  bool closed_ = false;
  shim_events events_;
  input_queue input_;            ///< of the job
  std::shared_ptr<void> egress_; ///< of the job; I/O thread only, as below
  std::string incoming_;
  unique_fd attached_; ///< what came with the bytes of `incoming_`
};

} // namespace ocw
