#include "http.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ocw::bench {

namespace {

std::string read_token(const std::string& path) {
  auto* file = fopen(path.c_str(), "re");
  if (file == nullptr)
    fail_errno("cannot read the token from " + path);
  char text[512];
  const auto size = fread(text, 1, sizeof(text), file);
  fclose(file);
  auto token = std::string{text, size};
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r'))
    token.pop_back();
  return token;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  auto same = [](char x, char y) {
    auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return lower(x) == lower(y);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

/// The value of a header field, without the spaces around it.
std::string_view field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    if (line.size() > name.size() && line[name.size()] == ':'
        && equals_ignoring_case(line.substr(0, name.size()), name)) {
      auto value = line.substr(name.size() + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return value;
    }
    if (end == std::string_view::npos)
      break;
    head.remove_prefix(end + 2);
  }
  return {};
}

} // namespace

endpoint parse_endpoint(std::string_view url, const std::string& token_file) {
  constexpr auto scheme = std::string_view{"http://"};
  if (!url.starts_with(scheme))
    fail("the URL must start with http://");
  url.remove_prefix(scheme.size());
  const auto end = url.find('/');
  const auto authority = url.substr(0, end);
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos)
    fail("the URL must name a port");
  auto node = endpoint{};
  node.host = authority.substr(0, colon);
  const auto port = parse_number(authority.substr(colon + 1), "the port");
  node.port = static_cast<uint16_t>(port);
  node.token = read_token(token_file);
  return node;
}

unique_fd connect_to(const endpoint& node) {
  auto fd = unique_fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd.is_open())
    fail_errno("cannot make a socket");
  auto address = sockaddr_in{};
  address.sin_family = AF_INET;
  address.sin_port = htons(node.port);
  if (inet_pton(AF_INET, node.host.c_str(), &address.sin_addr) != 1)
    fail("not an IPv4 address: " + node.host);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address))
      != 0)
    fail_errno("cannot connect to the node");
  const auto on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

std::string make_request(const endpoint& node, std::string_view method_target,
                         std::string_view body) {
  auto text = std::string{method_target};
  text += " HTTP/1.1\r\nHost: " + node.host + ':' + std::to_string(node.port);
  text += "\r\nAuthorization: Bearer " + node.token;
  if (!body.empty())
    text += "\r\nContent-Type: application/json";
  text += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  text += body;
  return text;
}

std::optional<answer_view> find_answer(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return std::nullopt;
  const auto head = bytes.substr(0, end);
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12)
    fail("not an HTTP/1.1 answer: " + std::string{head.substr(0, 40)});
  auto found = answer_view{};
  found.status = static_cast<int>(parse_number(head.substr(9, 3), "a status"));
  const auto length = field(head, "content-length");
  if (length.empty() && found.status >= 200 && found.status != 204)
    fail("an answer without Content-Length");
  const auto size
    = length.empty() ? size_t{0} : parse_number(length, "Content-Length");
  found.size = end + 4 + size;
  if (bytes.size() < found.size)
    return std::nullopt;
  found.body = bytes.substr(end + 4, size);
  return found;
}

answer ask(const endpoint& node, std::string_view method_target,
           std::string_view body) {
  auto fd = connect_to(node);
  write_all(fd.get(), make_request(node, method_target, body));
  auto received = std::string{};
  char bytes[16384];
  for (;;) {
    const auto n = read(fd.get(), bytes, sizeof(bytes));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      fail("the node closed the connection without an answer");
    received.append(bytes, static_cast<size_t>(n));
    if (auto found = find_answer(received))
      return {found->status, std::string{found->body}};
  }
}

void submit(const endpoint& node, std::string_view request) {
  const auto reply = ask(node, "POST /v1/jobs", request);
  if (reply.status != 200 && reply.status != 201)
    fail("the job was refused: " + reply.body);
}

std::string new_job_id() {
  static auto count = uint64_t{0};
  return "bench-" + std::to_string(getpid()) + "-" + std::to_string(now_ns())
         + "-" + std::to_string(++count);
}

} // namespace ocw::bench
