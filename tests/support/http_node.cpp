#include "support/http_node.hpp"

#include "net/follow.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/post.hpp>

#include <caf/event_based_actor.hpp>

#include <csignal>
#include <future>

namespace ocw::test {

http_node::http_node(std::function<void(config&)> adjust, net::door_kind kind,
                     net::door_patience patience)
  : work_(io_.get_executor()), bridge_(io_, spawn_dispatcher()) {
  std::signal(SIGPIPE, SIG_IGN);
  if (adjust)
    adjust(settings_);
  auto tls = std::shared_ptr<net::tls_front>{};
  if (!settings_.tls.certificate.empty())
    tls = net::tls_front::make(settings_.tls).value();
  auth_.emplace(settings_, "the-token");
  door_.emplace(net::door{.node = bridge_,
                          .settings = settings_,
                          .auth = *auth_,
                          .store_dir = dir_.path(),
                          .patience = patience});
  listener_.emplace(*door_, kind, tls);
  port_ = listener_->open("127.0.0.1", 0).value();
  report.worker.worker_id = "worker";
  report.worker.state = "ready";
  thread_ = std::thread{[this] { io_.run(); }};
}

http_node::~http_node() {
  auto done = std::promise<void>{};
  net::asio::post(io_, [&] {
    listener_->stop();
    net::end_streams(*door_);
    done.set_value();
  });
  done.get_future().wait();
  io_.stop();
  thread_.join();
}

void http_node::put(job_record record, history_ptr follow) {
  const auto lock = std::lock_guard{guard_};
  const auto id = record.job_id;
  jobs_[id] = {std::make_shared<const job_record>(std::move(record)),
               std::move(follow), false};
}

std::vector<cancel_job> http_node::cancels() const {
  const auto lock = std::lock_guard{guard_};
  return cancels_;
}

std::vector<send_stdin> http_node::stdins() const {
  const auto lock = std::lock_guard{guard_};
  return stdins_;
}

uint32_t http_node::connections() {
  auto count = std::promise<uint32_t>{};
  net::asio::post(io_, [&] { count.set_value(listener_->connections()); });
  return count.get_future().get();
}

// A job called `fails-<word of an ec>` answers with that error.
caf::expected<job_view> http_node::find(const std::string& job_id) const {
  auto code = ec::none;
  if (job_id.starts_with("fails-") && from_word(job_id.substr(6), code))
    return make_error(code, "it was asked for");
  const auto lock = std::lock_guard{guard_};
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end())
    return make_error(ec::not_found, "there is no job " + job_id);
  return found->second;
}

caf::expected<job_view> http_node::submit(const submit_job& x) {
  if (on_submit)
    return on_submit(x);
  auto record = job_record{};
  record.job_id = x.request.job_id.empty() ? "new" : x.request.job_id;
  return job_view{std::make_shared<const job_record>(record), nullptr, true};
}

dispatcher_actor http_node::spawn_dispatcher() {
  auto made = sys_.spawn([this](caf::event_based_actor*) {
    return caf::behavior{
      [this](ask<submit_job>& x) { x.done(submit(x.request)); },
      [this](ask<get_job>& x) { x.done(find(x.request.job_id)); },
      [this](ask<cancel_job>& x) {
        {
          const auto lock = std::lock_guard{guard_};
          cancels_.push_back(x.request);
        }
        x.done(find(x.request.job_id));
      },
      [this](ask<forget_job>& x) { x.done(find(x.request.job_id)); },
      [this](ask<send_stdin>& x) {
        {
          const auto lock = std::lock_guard{guard_};
          stdins_.push_back(x.request);
        }
        x.done(find(x.request.job_id));
      },
      [](ask<list_jobs>& x) {
        auto page = job_page{};
        page.next_cursor = std::to_string(x.request.query.limit);
        for (const auto& [key, value] : x.request.query.labels)
          page.next_cursor += ' ' + key + '=' + value;
        x.done(std::move(page));
      },
      [](ask<list_sessions>& x) { x.done(session_list{}); },
      [this](ask<get_node>& x) { x.done(report); },
    };
  });
  return caf::actor_cast<dispatcher_actor>(made);
}

} // namespace ocw::test
