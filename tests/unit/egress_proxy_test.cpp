#include "net/egress_proxy.hpp"

#include "support/catch.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <future>
#include <thread>

// The proxy behind a socket of this process's own network. How a session's
// gets to it is for tests/e2e/test_egress.py.

using namespace ocw;
using namespace ocw::net;
using boost::asio::ip::tcp;

namespace {

const auto loopback = boost::asio::ip::address_v4::loopback();

/// A proxy on a thread of its own, and one target on loopback.
class world {
public:
  explicit world(std::vector<std::string> more_rules = {})
    : target_(here_, tcp::endpoint{loopback, 0}) {
    more_rules.push_back("127.0.0.1:" + std::to_string(target_port()));
    auto settings = isolation_config{};
    settings.network_allow = std::move(more_rules);
    proxy_ = egress_proxy::make(io_, settings);
    REQUIRE(proxy_);
    auto listener = tcp::acceptor{here_, tcp::endpoint{loopback, 0}};
    port_ = listener.local_endpoint().port();
    on_io([this, fd = ::dup(listener.native_handle())] {
      lease_ = proxy_->serve(unique_fd{fd}, {"job", "session"});
    });
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() {
    end_session();
    work_.reset();
    thread_.join();
  }

  uint16_t target_port() const { return target_.local_endpoint().port(); }

  tcp::socket connect(std::string_view first) {
    auto socket = tcp::socket{here_};
    socket.connect({loopback, port_});
    boost::asio::write(socket, boost::asio::buffer(first.data(), first.size()));
    return socket;
  }
  tcp::socket accept() { return target_.accept(); }

  void end_session() {
    on_io([this] { lease_.reset(); });
  }
  egress_counters counters() {
    auto result = egress_counters{};
    on_io([&] { result = proxy_->counters(); });
    return result;
  }

private:
  template <class F>
  void on_io(F what) {
    auto done = std::promise<void>{};
    boost::asio::post(io_, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  boost::asio::io_context here_;
  tcp::acceptor target_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io_.get_executor()};
  std::unique_ptr<egress_proxy> proxy_;
  std::shared_ptr<void> lease_;
  uint16_t port_ = 0;
  std::thread thread_{[this] { io_.run(); }};
};

/// All that comes until the other end closes, in order or not.
std::string rest_of(tcp::socket& socket) {
  auto result = std::string{};
  auto error = boost::system::error_code{};
  boost::asio::read(socket, boost::asio::dynamic_buffer(result), error);
  return result;
}

std::string some_of(tcp::socket& socket, size_t size) {
  auto result = std::string(size, '\0');
  boost::asio::read(socket, boost::asio::buffer(result));
  return result;
}

std::string connect_to(uint16_t port) {
  return "CONNECT 127.0.0.1:" + std::to_string(port) + " HTTP/1.1\r\n\r\n";
}

constexpr auto established
  = std::string_view{"HTTP/1.1 200 Connection established\r\n\r\n"};

} // namespace

TEST_CASE("a tunnel carries bytes both ways, and each end by itself",
          "[egress]") {
  auto w = world{};
  auto job = w.connect(connect_to(w.target_port()) + "early");
  auto target = w.accept();
  CHECK(some_of(job, established.size()) == established);
  CHECK(some_of(target, 5) == "early");
  boost::asio::write(target, boost::asio::buffer("back", 4));
  CHECK(some_of(job, 4) == "back");
  job.shutdown(tcp::socket::shutdown_send);
  CHECK(rest_of(target).empty());
  boost::asio::write(target, boost::asio::buffer("last", 4));
  target.close();
  CHECK(rest_of(job) == "last");
  CHECK(w.counters().opened == 1);
}

TEST_CASE("a plain request goes to its target, and no second one", "[egress]") {
  auto w = world{};
  const auto host = "127.0.0.1:" + std::to_string(w.target_port());
  const auto request = "POST http://" + host
                       + "/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n0\r\n\r\n";
  auto job = w.connect(request + request);
  auto target = w.accept();
  const auto expected = "POST /x HTTP/1.1\r\nHost: " + host
                        + "\r\nTransfer-Encoding: chunked\r\n"
                          "Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  CHECK(some_of(target, expected.size()) == expected);
  CHECK(target.available() == 0);
  boost::asio::write(target, boost::asio::buffer("HTTP/1.1 204 X\r\n\r\n", 18));
  target.close();
  CHECK(some_of(job, 18) == "HTTP/1.1 204 X\r\n\r\n");
  CHECK(w.counters().opened == 1);
}

TEST_CASE("what is not listed is refused and counted", "[egress]") {
  auto w = world{};
  auto job = w.connect(connect_to(1));
  const auto answer = rest_of(job);
  CHECK(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"));
  CHECK(answer.find(R"("code":"egress_denied")") != std::string::npos);
  CHECK(answer.find("127.0.0.1:1") != std::string::npos);
  CHECK(w.counters().refused == 1);
  CHECK(w.counters().opened == 0);
}

TEST_CASE("a listed target where nobody listens is a bad gateway", "[egress]") {
  auto w = world{{"127.0.0.1:1"}};
  auto job = w.connect(connect_to(1));
  CHECK(rest_of(job).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  CHECK(w.counters().refused == 0);
}

TEST_CASE("rubbish is told apart from requests", "[egress]") {
  auto w = world{};
  for (const auto* text : {"hello\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                           "CONNECT a HTTP/1.1\r\n\r\n"}) {
    CAPTURE(text);
    auto job = w.connect(text);
    CHECK(rest_of(job).starts_with("HTTP/1.1 400 Bad Request\r\n"));
  }
}

TEST_CASE("the end of a session ends all its connections", "[egress]") {
  auto w = world{};
  auto job = w.connect(connect_to(w.target_port()));
  auto target = w.accept();
  CHECK(some_of(job, established.size()) == established);
  auto silent = w.connect("");
  auto begun = w.connect("GET http");
  w.end_session();
  CHECK(rest_of(job).empty());
  CHECK(rest_of(target).empty());
  CHECK(rest_of(silent).empty());
  CHECK(rest_of(begun).empty());
}
