#include "messages/base64.hpp"
#include "messages/json_string.hpp"
#include "messages/utf8.hpp"

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <string>

using namespace ocw;
using namespace std::string_literals;

namespace {

std::string lossy(std::string_view bytes) {
  auto result = std::string{};
  append_lossy(result, bytes);
  return result;
}

std::string json_string(std::string_view bytes) {
  auto result = std::string{};
  append_json_string(result, bytes);
  return result;
}

std::string encoded(std::string_view bytes) {
  auto result = std::string{};
  base64_append(result, bytes);
  return result;
}

std::string random_bytes(std::mt19937& random, size_t size) {
  auto result = std::string(size, '\0');
  for (auto& c : result)
    c = static_cast<char>(random());
  return result;
}

} // namespace

TEST_CASE("well-formed UTF-8 of every length is text") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain ascii, longer than eight bytes"));
  CHECK(is_utf8("\x7F\xC2\x80\xDF\xBF"));
  CHECK(is_utf8("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"));
  CHECK(is_utf8("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
}

TEST_CASE("ill-formed UTF-8 is found at its first byte") {
  for (const auto* bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41",
        "\xE0\x9F\x80", "\xE0\xA0", "\xED\xA0\x80", "\xF0\x8F\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xF0\x90\x80"}) {
    CAPTURE(encoded(bad));
    CHECK_FALSE(is_utf8(bad));
    for (auto before = size_t{0}; before < 20; ++before)
      CHECK(utf8_prefix(std::string(before, 'x') + bad + "yyyyyyyyyy")
            == before);
  }
}

TEST_CASE("text with NUL in it is not shown as text") {
  CHECK(is_text("a\nb\tc\x1B[0m"));
  CHECK_FALSE(is_text("a\0b"s));
  CHECK_FALSE(is_text("\xFF"));
  CHECK(is_text(""));
}

TEST_CASE("each maximal ill-formed part becomes one replacement character") {
  CHECK(lossy("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK(lossy("\xF0\x90\x80|") == "\xEF\xBF\xBD|");
  CHECK(lossy("\xE0\x80\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(lossy("\xED\xA0\x80").size() == 9);
  CHECK(lossy("\xC3\xA9\xC3") == "\xC3\xA9\xEF\xBF\xBD");
}

TEST_CASE("JSON strings escape what JSON does not take as it is") {
  CHECK(json_string("") == R"("")");
  CHECK(json_string("a\"b\\c\nd\re\tf\bg\fh\x01i\x1Fj\x7F")
        == R"("a\"b\\c\nd\re\tf\bg\fh\u0001i\u001fj)"
           "\x7F\"");
  CHECK(json_string("a\0b"s) == R"("a\u0000b")");
  CHECK(json_string("\xC3\xA9\xF0\x9F\x98\x80")
        == "\"\xC3\xA9\xF0\x9F\x98\x80\"");
  CHECK(json_string("x\xFFy") == "\"x\xEF\xBF\xBDy\"");
}

TEST_CASE("JSON strings of any bytes read back as their lossy text") {
  auto random = std::mt19937{7};
  for (auto round = 0; round < 3000; ++round) {
    auto bytes = random_bytes(random, random() % 40);
    // Mostly ASCII, so that words of eight plain bytes occur too.
    for (auto& c : bytes)
      if (random() % 4 != 0)
        c = static_cast<char>('a' + (random() % 26));
    const auto text = json_string(bytes);
    CAPTURE(encoded(bytes));
    REQUIRE(nlohmann::json::parse(text).get<std::string>() == lossy(bytes));
    auto strict = "before"s;
    REQUIRE(append_json_text(strict, bytes) == is_text(bytes));
    REQUIRE(strict == (is_text(bytes) ? "before" + text : "before"));
  }
}

TEST_CASE("JSON strings escape a byte wherever it stands") {
  for (const auto* special : {"\n", "\"", "\\", "\x1F", "\x01", "\xC3\xA9"})
    for (auto before = size_t{0}; before < 40; ++before)
      for (const auto after : {0, 1, 7, 15, 16, 17, 40}) {
        const auto bytes
          = std::string(before, '~') + special + std::string(after, ' ');
        CAPTURE(encoded(bytes));
        REQUIRE(json_string(bytes) == nlohmann::json(bytes).dump());
      }
}

TEST_CASE("JSON strings have room for nothing but escapes") {
  const auto bytes = std::string(5000, '\x01');
  CHECK(json_string(bytes) == nlohmann::json(bytes).dump());
}

TEST_CASE("base64 has the vectors of RFC 4648") {
  const auto vectors
    = std::map<std::string, std::string>{{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(encoded(bytes) == text);
    auto decoded = std::string{};
    CHECK(base64_decode(decoded, text));
    CHECK(decoded == bytes);
  }
}

TEST_CASE("base64 of any bytes comes back") {
  auto random = std::mt19937{11};
  for (auto size = size_t{0}; size < 300; ++size) {
    const auto bytes = random_bytes(random, size);
    auto decoded = "x"s;
    REQUIRE(base64_decode(decoded, encoded(bytes)));
    REQUIRE(decoded == "x" + bytes);
  }
}

TEST_CASE("base64 that is not canonical is refused and leaves no trace") {
  for (const auto* bad :
       {"Zg", "Zg=", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "=m9v", "Z===", "====",
        "Zg==Zg==", "Zm9v-_==", "Zm9*", "\xFFm9v", "Zm=v", "Z=9v"}) {
    CAPTURE(bad);
    auto out = "kept"s;
    CHECK_FALSE(base64_decode(out, bad));
    CHECK(out == "kept");
  }
}
