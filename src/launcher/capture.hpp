#pragma once

#include "launcher/mask.hpp"
#include "launcher/spool_writer.hpp"

#include <cstdint>

namespace ocw::launcher {

/// Memory for reading, touched only as far as output comes.
class read_buffer {
public:
  static constexpr size_t size = 256 << 10;
  read_buffer();
  char* data() const { return data_; }
  /// Gives the pages back that a busy job has touched.
  void shrink(size_t used);

private:
  char* data_;
};

/// The output of one job: two pipes, masked, cut at the limit, into the spool.
class capture {
public:
  capture(spool_writer& spool, const std::vector<std::string>& secrets,
          uint64_t limit_bytes);

  /// Takes the reading end of a pipe, which must not block.
  void open(wire::stream_id stream, unique_fd pipe);

  enum class outcome : uint8_t {
    nothing, ///< no byte was there
    more,    ///< bytes were read
    over,    ///< bytes were read, some beyond the limit
    failed,  ///< the spool did not take them; `error` says why
  };

  /// Reads once. At the end of a stream its pipe is closed.
  outcome read(wire::stream_id stream, const read_buffer& buffer);

  /// Closes a stream's pipe and keeps what was held back.
  outcome finish(wire::stream_id stream);

  bool is_open(wire::stream_id stream) const { return fd(stream) >= 0; }
  int fd(wire::stream_id stream) const { return at(stream).pipe.get(); }
  int error() const { return error_; }
  uint64_t read_bytes() const { return read_bytes_; }

private:
  struct source {
    unique_fd pipe;
    masker mask;
    bool grown = false;
  };
  const source& at(wire::stream_id id) const {
    return sources_[static_cast<unsigned>(id)];
  }
  source& at(wire::stream_id id) { return sources_[static_cast<unsigned>(id)]; }
  outcome keep(wire::stream_id stream, std::string_view bytes);

  spool_writer& spool_;
  uint64_t limit_bytes_;
  uint64_t kept_bytes_ = 0;
  uint64_t read_bytes_ = 0;
  source sources_[2];
  std::string masked_;
  int error_ = 0;
};

} // namespace ocw::launcher
