#include "app/http_client.hpp"

#include "ocw/errors.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <optional>

namespace ocw {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr auto max_head_bytes = uint32_t{64} << 10;
constexpr auto read_bytes = size_t{64} << 10;

/// A body that is handed on as it is parsed: successes to `each`, if there is
/// one, everything else to `rest`.
struct sink {
  const http_client::piece_function* each = nullptr;
  std::string rest = {};
  bool handed_on = false; ///< some of the answer was
  bool enough = false;    ///< the receiver wants no more
};

struct sink_body {
  using value_type = sink;

  class reader {
  public:
    template <bool IsRequest, class Fields>
    reader(http::header<IsRequest, Fields>& head, value_type& into)
      : into_(into) {
      if constexpr (!IsRequest)
        status_ = [&head] { return head.result_int(); };
    }

    void init(const boost::optional<uint64_t>&, error_code& error) {
      const auto status = status_();
      hands_on_ = into_.each != nullptr && status >= 200 && status < 300;
      error = {};
    }

    template <class Buffers>
    size_t put(const Buffers& buffers, error_code& error) {
      auto taken = size_t{0};
      error = {};
      const auto end = asio::buffer_sequence_end(buffers);
      for (auto at = asio::buffer_sequence_begin(buffers); at != end; ++at) {
        const auto part = asio::const_buffer{*at};
        taken += part.size();
        take({static_cast<const char*>(part.data()), part.size()});
      }
      if (into_.enough)
        error = make_error_code(boost::system::errc::operation_canceled);
      return taken;
    }

    void finish(error_code& error) { error = {}; }

  private:
    void take(std::string_view piece) {
      if (!hands_on_) {
        into_.rest += piece;
        return;
      }
      into_.handed_on = true;
      if (!into_.enough)
        into_.enough = !(*into_.each)(piece);
    }

    value_type& into_;
    std::function<unsigned()> status_;
    bool hands_on_ = false;
  };
};

using answer_parser = http::response_parser<sink_body>;

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string text_of(const endpoint& where, const std::string& token,
                    const http_call& call) {
  auto out = call.method + ' ' + where.prefix + call.target + " HTTP/1.1\r\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  add("Host", authority_of(where));
  add("User-Agent", "opencode-worker");
  if (!token.empty())
    add("Authorization", "Bearer " + token);
  for (const auto& [name, value] : call.headers)
    add(name, value);
  if (!call.body.empty())
    add("Content-Type", call.content_type);
  if (!call.body.empty() || (call.method != "GET" && call.method != "HEAD"))
    add("Content-Length", std::to_string(call.body.size()));
  out += "\r\n";
  return out;
}

/// Feeds the parser until the answer is complete.
class answer_reader {
public:
  answer_reader(connection& from, std::chrono::milliseconds patience)
    : from_(from), patience_(patience) {}

  /// Reads one answer, which may be a preliminary one (1xx).
  caf::error read(answer_parser& parser) {
    parser.eager(true);
    parser.header_limit(max_head_bytes);
    parser.body_limit(boost::none);
    while (!parser.is_done()) {
      if (auto err = parse(parser); err || parser.get().body().enough)
        return err;
      if (parser.is_done())
        break;
      if (auto err = fill(parser))
        return err;
    }
    return {};
  }

  bool got_nothing() const { return !got_some_; }

private:
  caf::error parse(answer_parser& parser) {
    while (buffer_.size() > 0 && !parser.is_done()) {
      auto error = error_code{};
      const auto used = parser.put(buffer_.data(), error);
      buffer_.consume(used);
      if (parser.get().body().enough)
        return {};
      if (error == http::error::need_more)
        return {};
      if (error)
        return unreachable("it does not answer in HTTP: " + error.message());
    }
    return {};
  }

  caf::error fill(answer_parser& parser) {
    const auto space = buffer_.prepare(read_bytes);
    const auto n
      = from_.read(static_cast<char*>(space.data()), space.size(), patience_);
    if (!n)
      return n.error();
    buffer_.commit(*n);
    got_some_ = got_some_ || *n > 0;
    if (*n > 0)
      return {};
    // The end of the connection is the end of an answer without a length.
    auto error = error_code{};
    if (parser.got_some())
      parser.put_eof(error);
    if (error || !parser.is_done())
      return unreachable("the connection was closed before the answer was "
                         "complete");
    return {};
  }

  connection& from_;
  std::chrono::milliseconds patience_;
  beast::flat_buffer buffer_;
  bool got_some_ = false;
};

http_answer answer_of(answer_parser& parser) {
  auto result = http_answer{};
  auto& message = parser.get();
  result.status = message.result_int();
  for (const auto& field : message.base())
    result.headers.emplace_back(field.name_string(), field.value());
  result.body = std::move(message.body().rest);
  return result;
}

} // namespace

std::string_view http_answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (same_name(key, name))
      return value;
  return {};
}

http_client::http_client(endpoint where, options how)
  : where_(std::move(where)), how_(std::move(how)) {
}

http_client::http_client(http_client&&) noexcept = default;
http_client& http_client::operator=(http_client&&) noexcept = default;
http_client::~http_client() = default;

http_client http_client::another() const {
  return http_client{where_, how_};
}

const endpoint& http_client::where() const {
  return where_;
}

caf::expected<http_answer> http_client::request(const http_call& call) {
  return perform(call, nullptr);
}

caf::expected<http_answer> http_client::stream(const http_call& call,
                                               const piece_function& each) {
  return perform(call, &each);
}

caf::error http_client::ensure_open(bool& fresh) {
  fresh = !connection_ || connection_->is_stale();
  if (!fresh)
    return {};
  connection_.reset();
  auto opened = connection::open(where_, {how_.ca_file, how_.connect_patience});
  if (!opened)
    return std::move(opened.error());
  connection_ = std::move(*opened);
  return {};
}

caf::expected<http_answer> http_client::perform(const http_call& call,
                                                const piece_function* each) {
  for (auto last_try = !call.repeatable;; last_try = true) {
    auto fresh = false;
    if (auto err = ensure_open(fresh))
      return explained(err);
    // A node that refuses a body may answer before it has read it all, so
    // that the answer is looked for even when not all could be sent.
    const auto head = text_of(where_, how_.token, call);
    auto sent = connection_->write(head, call.patience);
    if (!sent && !call.body.empty())
      sent = connection_->write(call.body, call.patience);
    auto answer = receive(call, each);
    if (answer)
      return answer;
    connection_.reset();
    const auto broke_early = field_of(answer.error()) == "url.early";
    // A kept connection may have been closed just when it was used again.
    if (!broke_early || fresh || last_try)
      return explained(sent ? sent : answer.error());
  }
}

caf::expected<http_answer> http_client::receive(const http_call& call,
                                                const piece_function* each) {
  auto reader = answer_reader{*connection_, call.patience};
  for (;;) {
    auto parser = std::optional<answer_parser>{std::in_place};
    parser->get().body().each = each;
    parser->skip(call.method == "HEAD");
    if (auto err = reader.read(*parser)) {
      if (!reader.got_nothing())
        return err;
      return make_error(ec::unavailable, sentence_of(err), "url.early");
    }
    const auto status = parser->get().result_int();
    if (status >= 100 && status < 200)
      continue;
    if (parser->get().body().enough || !parser->keep_alive())
      connection_.reset();
    return answer_of(*parser);
  }
}

caf::error http_client::explained(const caf::error& err) const {
  return unreachable("cannot reach the node at " + url_of(where_) + ": "
                     + sentence_of(err));
}

} // namespace ocw
