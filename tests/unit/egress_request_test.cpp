#include "net/egress_request.hpp"

#include "ocw/errors.hpp"

#include "support/catch.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

using namespace ocw;
using namespace ocw::net;

namespace beast = boost::beast;

namespace {

caf::expected<egress_request> read(const std::string& head,
                                   egress_body body = {}) {
  auto parser = beast::http::request_parser<beast::http::empty_body>{};
  auto error = boost::system::error_code{};
  parser.put(boost::asio::buffer(head), error);
  CAPTURE(head);
  REQUIRE_FALSE(error);
  return read_egress_request(parser.get(), body);
}

std::string head_of(const std::string& head, egress_body body = {}) {
  const auto request = read(head, body);
  REQUIRE(request);
  CHECK_FALSE(request->tunnel);
  return request->head;
}

} // namespace

TEST_CASE("CONNECT asks for a tunnel", "[egress]") {
  const auto request = read("CONNECT Example.org:443 HTTP/1.1\r\n\r\n");
  REQUIRE(request);
  CHECK(request->tunnel);
  CHECK(request->target.text() == "example.org:443");
  CHECK(request->head.empty());
}

TEST_CASE("an absolute target is asked for as its own server has it",
          "[egress]") {
  CHECK(head_of("GET http://a.example/x?y=z#f HTTP/1.1\r\nHost: b\r\n"
                "Accept: */*\r\n\r\n")
        == "GET /x?y=z HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n"
           "Connection: close\r\n\r\n");
  CHECK(head_of("GET HTTP://a.example:81 HTTP/1.0\r\n\r\n")
        == "GET / HTTP/1.1\r\nHost: a.example:81\r\n"
           "Connection: close\r\n\r\n");
  CHECK(head_of("GET http://[::1]?q HTTP/1.1\r\n\r\n")
        == "GET /?q HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n");
  CHECK(read("GET http://a.example/ HTTP/1.1\r\n\r\n")->target.port == 80);
}

TEST_CASE("fields of the way to the proxy stay there", "[egress]") {
  const auto text
    = head_of("GET http://a/ HTTP/1.1\r\nConnection: keep-alive, X-One\r\n"
              "X-One: 1\r\nConnection: x-two\r\nX-Two: 2\r\nKeep-Alive: 5\r\n"
              "Proxy-Connection: x\r\nProxy-Authorization: y\r\nTE: gzip\r\n"
              "Trailer: z\r\nUpgrade: w\r\nX-Three: 3\r\n\r\n");
  CHECK(text
        == "GET / HTTP/1.1\r\nHost: a\r\nX-Three: 3\r\n"
           "Connection: close\r\n\r\n");
}

TEST_CASE("the length of a body is said again, whoever wants it away",
          "[egress]") {
  CHECK(head_of("POST http://a/ HTTP/1.1\r\nContent-Length: 5\r\n"
                "Connection: content-length, host\r\n\r\n",
                {false, 5})
        == "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
           "Connection: close\r\n\r\n");
  CHECK(head_of("POST http://a/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
          .find("Content-Length: 0\r\n")
        != std::string::npos);
  CHECK(head_of("POST http://a/ HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n",
                {true, 0})
          .find("Transfer-Encoding: chunked\r\n")
        != std::string::npos);
}

TEST_CASE("what a proxy makes no sense of is refused", "[egress]") {
  for (const auto* line :
       {"GET / HTTP/1.1", "GET /x HTTP/1.1", "OPTIONS * HTTP/1.1",
        "GET a:80 HTTP/1.1", "GET https://a/ HTTP/1.1", "GET http:// HTTP/1.1",
        "GET http:///x HTTP/1.1", "GET http://u@a/ HTTP/1.1",
        "GET http://a:/ HTTP/1.1", "GET http://a:x/ HTTP/1.1",
        "GET http://127.1/ HTTP/1.1", "CONNECT a HTTP/1.1",
        "CONNECT http://a:80 HTTP/1.1", "CONNECT / HTTP/1.1",
        "CONNECT a:0 HTTP/1.1", "CONNECT [::1:80 HTTP/1.1"}) {
    CAPTURE(line);
    const auto request = read(std::string{line} + "\r\n\r\n");
    REQUIRE_FALSE(request);
    CHECK(code_of(request.error()) == ec::invalid_request);
  }
  CHECK_FALSE(read("POST http://a/ HTTP/1.1\r\nTransfer-Encoding: gzip, "
                   "chunked\r\n\r\n",
                   {true, 0}));
}
