#include "sse.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sys/socket.h>
#include <vector>

namespace ocw::bench {

namespace {

constexpr auto read_size = size_t{256} << 10;

} // namespace

sse_stream::sse_stream(const endpoint& node, std::string_view job_id)
  : fd_(connect_to(node)) {
  auto target = "GET /v1/jobs/" + std::string{job_id} + "/events";
  write_all(fd_.get(), make_request(node, target, {}));
  read_head();
}

void sse_stream::read_head() {
  auto end = std::string::npos;
  while (end == std::string::npos) {
    if (!receive(wire_))
      fail("the node refused the event stream");
    end = wire_.find("\r\n\r\n");
  }
  auto head = wire_.substr(0, end);
  if (!head.starts_with("HTTP/1.1 200"))
    fail("the node refused the event stream: " + head);
  std::transform(head.begin(), head.end(), head.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  is_chunked_ = head.find("transfer-encoding: chunked") != std::string::npos;
  wire_.erase(0, end + 4);
  if (is_chunked_)
    take_chunks();
  else
    text_.swap(wire_);
}

bool sse_stream::receive(std::string& into) {
  static auto bytes = std::vector<char>(read_size);
  auto n = ssize_t{-1};
  do
    n = recv(fd_.get(), bytes.data(), bytes.size(), 0);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    into.append(bytes.data(), static_cast<size_t>(n));
  return n > 0;
}

bool sse_stream::fill() {
  if (ended_)
    return false;
  text_.erase(0, taken_);
  searched_ -= taken_;
  taken_ = 0;
  if (!is_chunked_)
    return receive(text_);
  if (!receive(wire_))
    return false;
  take_chunks();
  return true;
}

void sse_stream::take_chunks() {
  auto at = size_t{0};
  while (at < wire_.size() && !ended_) {
    if (chunk_left_ == 0) {
      // "\r\n" ends the chunk before, a hexadecimal size begins this one.
      const auto start = wire_.compare(at, 2, "\r\n") == 0 ? at + 2 : at;
      const auto end = wire_.find("\r\n", start);
      if (end == std::string::npos)
        break;
      std::from_chars(wire_.data() + start, wire_.data() + end, chunk_left_,
                      16);
      at = end + 2;
      ended_ = chunk_left_ == 0;
    } else {
      const auto size = std::min(chunk_left_, wire_.size() - at);
      text_.append(wire_, at, size);
      chunk_left_ -= size;
      at += size;
    }
  }
  wire_.erase(0, at);
}

bool sse_stream::next(std::string_view& data) {
  constexpr auto prefix = std::string_view{"data:"};
  for (;;) {
    const auto end = text_.find('\n', searched_);
    if (end == std::string::npos) {
      searched_ = text_.size();
      return false;
    }
    const auto line = std::string_view{text_}.substr(taken_, end - taken_);
    taken_ = searched_ = end + 1;
    if (!line.starts_with(prefix))
      continue;
    data = line.substr(prefix.size());
    return true;
  }
}

} // namespace ocw::bench
