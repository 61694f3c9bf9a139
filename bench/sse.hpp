#pragma once

#include "http.hpp"

#include <string>
#include <string_view>

namespace ocw::bench {

/// The Server-Sent Events of one job, as their reader.
class sse_stream {
public:
  sse_stream(const endpoint& node, std::string_view job_id);

  int fd() const { return fd_.get(); }

  /// Receives once. False when the stream is over.
  bool fill();

  /// The data of the next event, of what was received. Holds until the next
  /// call of anything here.
  bool next(std::string_view& data);

private:
  void read_head();
  bool receive(std::string& into);
  void take_chunks();

  unique_fd fd_;
  bool is_chunked_ = false;
  bool ended_ = false;
  std::string wire_; // received, with chunk sizes between
  std::string text_; // the event stream
  size_t taken_ = 0; // of text_
  size_t searched_ = 0;
  size_t chunk_left_ = 0;
};

} // namespace ocw::bench
