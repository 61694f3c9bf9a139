#include "actors/streaming_node.hpp"

#include "ocw/errors.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <caf/event_based_actor.hpp>

#include <csignal>
#include <future>

namespace ocw::test {

namespace {

std::string header(const net::http_request& request, std::string_view name) {
  const auto text
    = request[boost::beast::string_view{name.data(), name.size()}];
  return {text.data(), text.size()};
}

uint64_t number(const net::http_request& request, std::string_view name,
                uint64_t otherwise) {
  const auto text = header(request, name);
  return text.empty() ? otherwise : std::stoull(text);
}

} // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto deadline
    = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::yield();
  }
  return true;
}

streaming_node::streaming_node(net::door_patience patience)
  : bridge_(io_, spawn_dispatcher()),
    auth_(settings, "token"),
    door_{.node = bridge_,
          .settings = settings,
          .auth = auth_,
          .store_dir = dir_.path(),
          .patience = patience},
    acceptor_(io_, {net::asio::ip::make_address("127.0.0.1"), 0}),
    port_(acceptor_.local_endpoint().port()) {
  std::signal(SIGPIPE, SIG_IGN);
  net::asio::co_spawn(io_, accept_all(), net::asio::detached);
  thread_ = std::thread{[this] { io_.run(); }};
}

streaming_node::~streaming_node() {
  end_streams();
  on_io_thread([this] { acceptor_.close(); });
  eventually([this] { return connections() == 0; });
  work_.reset();
  io_.stop();
  thread_.join();
}

test_job& streaming_node::add_job(const std::string& job_id) {
  const auto lock = std::lock_guard{guard_};
  auto& place = jobs_[job_id];
  place = std::make_unique<test_job>(dir_, job_id);
  return *place;
}

std::vector<send_stdin> streaming_node::fed() const {
  const auto lock = std::lock_guard{guard_};
  return fed_;
}

void streaming_node::on_io_thread(const std::function<void()>& run) {
  auto done = std::promise<void>{};
  net::asio::post(io_, [&] {
    run();
    done.set_value();
  });
  done.get_future().wait();
}

void streaming_node::end_streams() {
  on_io_thread([this] { net::end_streams(door_); });
}

size_t streaming_node::connections() {
  auto count = size_t{0};
  on_io_thread([&] { count = connections_; });
  return count;
}

caf::expected<job_view> streaming_node::find(const std::string& job_id) const {
  const auto lock = std::lock_guard{guard_};
  const auto i = jobs_.find(job_id);
  if (i == jobs_.end())
    return make_error(ec::not_found, "there is no such job");
  return job_view{.record = nullptr, .follow = i->second->follow()};
}

dispatcher_actor streaming_node::spawn_dispatcher() {
  auto dispatcher = sys_.spawn([this](caf::event_based_actor*) {
    return caf::behavior{
      [this](ask<get_job>& x) { x.done(find(x.request.job_id)); },
      [this](ask<send_stdin>& x) {
        auto view = find(x.request.job_id);
        if (view) {
          const auto lock = std::lock_guard{guard_};
          fed_.push_back(x.request);
        }
        x.done(std::move(view));
      },
    };
  });
  return caf::actor_cast<dispatcher_actor>(dispatcher);
}

// -- the listener -------------------------------------------------------------

net::awaitable<void> streaming_node::accept_all() {
  using boost::system::error_code;
  auto error = error_code{};
  while (true) {
    auto accepted
      = boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                         net::socket_type::executor_type>{
        io_.get_executor()};
    co_await acceptor_.async_accept(
      accepted, net::asio::redirect_error(net::use_awaitable, error));
    if (error)
      co_return;
    auto socket = net::socket_type{std::move(accepted)};
    net::asio::co_spawn(io_.get_executor(), serve(std::move(socket)),
                        net::asio::detached);
  }
}

net::awaitable<void> streaming_node::serve(net::socket_type socket) {
  ++connections_;
  auto stream = net::stream_type{std::move(socket)};
  auto buffer = boost::beast::flat_buffer{};
  auto error = boost::system::error_code{};
  auto open = true;
  while (open) {
    auto request = net::http_request{};
    co_await boost::beast::http::async_read(
      stream, buffer, request,
      net::asio::redirect_error(net::use_awaitable, error));
    if (error)
      break;
    if (boost::beast::websocket::is_upgrade(request)) {
      co_await net::serve_websocket(door_, stream, std::move(request));
      break;
    }
    open = co_await answer(stream, request);
  }
  --connections_;
}

net::awaitable<bool> streaming_node::answer(net::stream_type& stream,
                                            const net::http_request& request) {
  const auto target
    = std::string{request.target().data(), request.target().size()};
  auto view = find(target.substr(target.rfind('/') + 1));
  if (!view)
    co_return false;
  auto job = *view;
  if (target.starts_with("/events/"))
    co_return co_await net::serve_events(door_, stream, request, job,
                                         number(request, "From", 1));
  auto range = net::log_range{};
  range.stream = header(request, "Stream") == "stderr" ? output_stream::err
                                                       : output_stream::out;
  range.offset = number(request, "Offset", 0);
  range.limit = number(request, "Limit", UINT64_MAX);
  range.follow = header(request, "Follow") == "1";
  co_return co_await net::serve_logs(door_, stream, request, job, range);
}

} // namespace ocw::test
