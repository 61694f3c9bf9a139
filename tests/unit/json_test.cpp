#include "messages/json_reader.hpp"
#include "messages/json_writer.hpp"
#include "ocw/messages/listing.hpp"
#include "ocw/messages/operations.hpp"

#include "support/catch.hpp"
#include "support/json_text.hpp"

#include <limits>
#include <string>

using namespace ocw;
using test::text_of;
using namespace std::string_literals;

namespace {

template <class T>
caf::error problem(std::string_view text) {
  auto result = read_json<T>(text);
  REQUIRE_FALSE(result);
  CHECK(code_of(result.error()) == ec::invalid_request);
  return std::move(result.error());
}

bool mentions(const caf::error& err, std::string_view what) {
  return sentence_of(err).find(what) != std::string::npos;
}

struct numbers {
  double real = 0;
  int32_t small = 0;
  uint64_t large = 0;
  bool flag = false;
};

template <class Inspector>
bool inspect(Inspector& f, numbers& x) {
  return f.object(x).fields(f.field("real", x.real).fallback(0.0),
                            f.field("small", x.small).fallback(0),
                            f.field("large", x.large).fallback(0u),
                            f.field("flag", x.flag).fallback(false));
}

} // namespace

// -- reading ------------------------------------------------------------------

TEST_CASE("an unknown field is refused with its path and the nearest one") {
  const auto err
    = problem<job_request>(R"({"command":"x","limits":{"memroy":1}})");
  CHECK(field_of(err) == "limits.memroy");
  CHECK(sentence_of(err)
        == "unknown field limits.memroy; did you mean memory?");
  CHECK(field_of(problem<job_request>(R"({"a b":1})")) == R"(["a b"])");
  CHECK(mentions(problem<get_job>(R"({"zzzzzz":1})"), "known are job_id"));
}

TEST_CASE("unknown fields of replies may be skipped") {
  const auto text = R"({"code":"signal","message":"m","hint":"h","new":[1]})";
  CHECK_FALSE(read_json<end_reason>(text));
  const auto lenient = read_json<end_reason>(text, {.ignore_unknown = true});
  REQUIRE(lenient);
  CHECK(lenient->code == reason_code::signal);
}

TEST_CASE("a wrong type is refused with the path and what was expected") {
  using row = std::tuple<const char*, const char*, const char*>;
  for (const auto& [text, field, words] : {
         row{R"({"command":1})", "command", "must be a string, not 1"},
         row{R"({"argv":["a",null]})", "argv[1]", "a string, not null"},
         row{R"({"argv":"a"})", "argv", "an array, not this string"},
         row{R"({"env":[]})", "env", "an object, not an array"},
         row{R"({"env":{"A":1}})", R"(env["A"])", "a string"},
         row{R"({"files":{"../x":1}})", R"(files["../x"])", "content_base64"},
         row{R"({"limits":null})", "limits", "an object, not null"},
         row{R"({"limits":{"cpu":"2"}})", "limits.cpu", "a number"},
         row{R"({"limits":{"timeout":-1}})", "limits.timeout", "from 0 to"},
         row{R"({"limits":{"timeout":1.0}})", "limits.timeout", "not 1.0"},
         row{R"({"limits":{"pids":4294967296}})", "limits.pids", "4294967295"},
         row{R"({"stream":{"capture_stdout":0}})", "stream.capture_stdout",
             "true or false"},
         row{R"({"on_worker_lost":"retry"})", "on_worker_lost",
             "one of fail, requeue"},
         row{R"({"config":{"network":1}})", "config.network",
             "restricted, open"},
         row{R"({"metadata":[]})", "metadata", "an object"},
         row{R"({"priority":null})", "priority", "not null"},
         row{R"([])", "", "the body must be an object, not an array"},
       }) {
    CAPTURE(text);
    const auto err = problem<job_request>(text);
    CHECK(field_of(err) == field);
    CHECK_THAT(sentence_of(err), Catch::Matchers::Contains(words));
  }
}

TEST_CASE("a missing field is named, an absent optional one is nothing") {
  const auto err = problem<cancel_job>("{}");
  CHECK(field_of(err) == "job_id");
  CHECK(sentence_of(err) == "job_id is missing");
  const auto request = read_json<job_request>(R"({"command":null})");
  REQUIRE(request);
  CHECK(*request == job_request{});
}

TEST_CASE("a key that is there twice is refused") {
  const auto err = problem<job_request>(R"({"env":{"A":"1","B":"2","A":"3"}})");
  CHECK(field_of(err) == "env.A");
  CHECK(mentions(err, "twice"));
  CHECK(field_of(problem<job_request>(R"({"argv":["a"],"argv":["b"]})"))
        == "argv");
  CHECK(field_of(parse_json(R"({"a":[0,{"b":{"c":1,"c":2}}]})").error())
        == "a[1].b.c");
}

TEST_CASE("stream_config is another name of stream, but not beside it") {
  const auto request
    = read_json<job_request>(R"({"stream_config":{"chunk_size":7}})");
  REQUIRE(request);
  CHECK(request->stream.chunk_size == 7);
  const auto err = problem<job_request>(R"({"stream_config":{},"stream":{}})");
  CHECK(field_of(err) == "stream");
}

TEST_CASE("integers keep their range and numbers their precision") {
  const auto most = read_json<numbers>(
    R"({"large":18446744073709551615,"small":-2147483648,"real":2.5})");
  REQUIRE(most);
  CHECK(most->large == std::numeric_limits<uint64_t>::max());
  CHECK(most->small == std::numeric_limits<int32_t>::min());
  CHECK(most->real == 2.5);
  CHECK_FALSE(read_json<numbers>(R"({"large":18446744073709551616})"));
  CHECK_FALSE(read_json<numbers>(R"({"small":2147483648})"));
  CHECK_FALSE(read_json<numbers>(R"({"small":-2147483649})"));
  CHECK_FALSE(read_json<numbers>(R"({"real":1e999})"));
  CHECK(read_json<numbers>(R"({"real":3})")->real == 3);
  const auto built = read_json_value<numbers>({{"large", 5}, {"small", 6}});
  REQUIRE(built);
  CHECK(built->large == 5);
}

// -- hostile text -------------------------------------------------------------

TEST_CASE("nesting is bounded before it can hurt") {
  const auto nested = [](size_t depth, const char* open, const char* shut) {
    auto text = std::string{};
    for (auto i = size_t{0}; i < depth; ++i)
      text += open;
    for (auto i = size_t{0}; i < depth; ++i)
      text += shut;
    return text;
  };
  CHECK(parse_json(nested(max_json_depth, "[", "]")));
  for (const auto depth :
       {max_json_depth + 1, size_t{10'000}, size_t{1'000'000}}) {
    CHECK(
      mentions(parse_json(nested(depth, "[", "]")).error(), "nests deeper"));
    CHECK(mentions(parse_json(nested(depth, R"({"a":)", "}")).error(),
                   "nests deeper"));
    CHECK(mentions(parse_json(nested(depth, "[", "")).error(), "nests deeper"));
  }
}

TEST_CASE("the number of values is bounded") {
  auto text = "["s;
  for (auto i = size_t{0}; i <= max_json_values; ++i)
    text += "0,";
  text += "0]";
  CHECK(mentions(parse_json(text).error(), "more than 1000000"));
}

TEST_CASE("invalid UTF-8 is called by its name") {
  for (const auto& text : {"{\"command\":\"\xFF\"}"s, "{\"\xC3\":1}"s,
                           "{\"a\":\"\xED\xA0\x80\"}"s, "\xFF"s}) {
    const auto err = problem<job_request>(text);
    CHECK(mentions(err, "not valid UTF-8 at line 1, column "));
  }
}

TEST_CASE("broken JSON is refused with its place") {
  for (const auto* text :
       {"", "   ", "{", "{\"command\":}", "{'a':1}", "{\"a\":1,}", "[1 2]",
        "nul", "{\"a\":01}", "{\"a\":NaN}", "// x\n{}", "{} x", "{}{}",
        "\"\\ud800\"", "\"a\nb\""}) {
    CAPTURE(text);
    CHECK(mentions(problem<job_request>(text), "not valid JSON at line "));
  }
  CHECK(mentions(problem<job_request>("{\n  \"a\": 1,\n  x}"),
                 "at line 3, column 3: "));
  CHECK(mentions(problem<job_request>("{} x"), "line 1, column 4: "));
}

TEST_CASE("messages about broken JSON do not repeat what was sent") {
  const auto err = problem<job_request>("{\"secrets\":{\"A\":\"hunter2\n\"}}");
  CHECK_FALSE(mentions(err, "hunter2"));
  const auto cut = problem<job_request>("{\"secrets\":{\"A\":\"hunter2");
  CHECK_FALSE(mentions(cut, "hunter2"));
  const auto other = problem<job_request>(R"({"secrets":"hunter2"})");
  CHECK_FALSE(mentions(other, "hunter2"));
}

// -- writing ------------------------------------------------------------------

TEST_CASE("numbers are written in their shortest form") {
  CHECK(text_of(2.0) == "2");
  CHECK(text_of(2.5) == "2.5");
  CHECK(text_of(0.1) == "0.1");
  CHECK(text_of(1e300) == "1e+300");
  CHECK(text_of(std::numeric_limits<double>::infinity()) == "null");
  CHECK(text_of(uint64_t{18446744073709551615u}) == "18446744073709551615");
  CHECK(text_of(int32_t{-7}) == "-7");
}

TEST_CASE("all fields are written unless told otherwise") {
  CHECK(
    text_of(stream_options{})
    == R"({"chunk_size":65536,"capture_stdout":true,"capture_stderr":true})");
  CHECK(text_of(stream_options{}, {.omit_defaults = true}) == "{}");
  CHECK(
    text_of(job_config{})
    == R"({"mode":null,"provider":null,"model":null,"network":null,"telemetry":null})");
  const auto left_out = std::array<std::string_view, 1>{"message"};
  CHECK(text_of(end_reason{reason_code::signal, "m", "h"}, {.omit = left_out})
        == R"({"code":"signal","hint":"h"})");
}

TEST_CASE("lists, maps and words are written as JSON has them") {
  CHECK(text_of(std::map<std::string, std::string>{{"a\"", "\n"}})
        == R"({"a\"":"\n"})");
  CHECK(text_of(std::vector<uint32_t>{1, 2}) == "[1,2]");
  CHECK(text_of(job_status::timeout) == R"("timeout")");
  CHECK(text_of(list_sessions{}) == "{}");
}
