#include "messages/json_reader.hpp"
#include "messages/json_writer.hpp"

#include "support/catch.hpp"
#include "support/json_text.hpp"
#include "support/sizes.hpp"

#include <string>

using namespace ocw;
using test::mib;
using test::text_of;
using namespace std::string_literals;

namespace {

template <class T>
caf::expected<T> read(std::string_view text) {
  return read_json<T>(text);
}

template <class T>
void check_round_trip(const T& x) {
  const auto text = text_of(x);
  CAPTURE(text);
  const auto back = read<T>(text);
  REQUIRE(back);
  CHECK(*back == x);
}

} // namespace

TEST_CASE("sizes are read with and without a unit") {
  CHECK(read<mebibyte_size>(R"("2GB")")->bytes == 2048 * mib);
  CHECK(read<mebibyte_size>(R"("512MB")")->bytes == 512 * mib);
  CHECK(read<mebibyte_size>(R"("512mb")")->bytes == 512 * mib);
  CHECK(read<mebibyte_size>(R"("1.5GiB")")->bytes == 1536 * mib);
  CHECK(read<mebibyte_size>(R"("64KB")")->bytes == 65536);
  CHECK(read<mebibyte_size>(R"("100B")")->bytes == 100);
  CHECK(read<mebibyte_size>("512")->bytes == 512 * mib);
  CHECK(read<mebibyte_size>("0.5")->bytes == mib / 2);
  CHECK(read<byte_size>("512")->bytes == 512);
  CHECK(read<byte_size>(R"("512")")->bytes == 512);
  CHECK(read<byte_size>(R"("1T")")->bytes == uint64_t{1} << 40);
  CHECK(read<byte_size>("9223372036854775808")->bytes == uint64_t{1} << 63);
  CHECK(read<mebibyte_size>(R"("8388608TiB")")->bytes == uint64_t{1} << 63);
}

TEST_CASE("sizes that make no sense are refused") {
  for (const auto* bad :
       {"-1", R"("-1MB")", "1e30", "null", "true", "[]", R"("")", R"("MB")",
        R"("1 MB")", R"("1XB")", R"("1.MB")", R"(".5GB")", R"("nan")",
        R"("0x10")", R"("1MBMB")", R"("8388609TiB")",
        R"("99999999999999999999GB")", R"("+1MB")"}) {
    CAPTURE(bad);
    CHECK_FALSE(read<mebibyte_size>(bad));
  }
  CHECK_FALSE(read<byte_size>("1.5"));
  CHECK_FALSE(read<byte_size>("9223372036854775809"));
  CHECK_FALSE(read<byte_size>(R"("1.5B")"));
}

TEST_CASE("sizes come back to the byte") {
  for (const auto bytes : {uint64_t{0}, uint64_t{1}, mib - 1, mib, 1536 * mib,
                           uint64_t{1} << 63}) {
    check_round_trip(byte_size{bytes});
    check_round_trip(mebibyte_size{bytes});
  }
}

TEST_CASE("moments are text, and null when they have not come") {
  CHECK(text_of(timestamp{1768858200123}) == R"("2026-01-19T21:30:00.123Z")");
  CHECK(text_of(timestamp{}) == "null");
  check_round_trip(timestamp{1768858200123});
  check_round_trip(timestamp{});
  CHECK(read<timestamp>(R"("2026-01-19T21:30:00Z")")->unix_ms == 1768858200000);
  CHECK(read<timestamp>(R"("2026-01-19T21:30:00.12345Z")")->unix_ms
        == 1768858200123);
  for (const auto* bad :
       {"0", R"("")", R"("2026-02-30T00:00:00Z")", R"("2026-01-19T24:00:00Z")",
        R"("2026-01-19T21:30:00")", R"("2026-01-19T21:30:00.Z")",
        R"("2026-01-19 21:30:00Z")", R"("2026-01-19T21:30:00Zx")"}) {
    CAPTURE(bad);
    CHECK_FALSE(read<timestamp>(bad));
  }
}

TEST_CASE("files are text, or base64 with a mode") {
  CHECK(*read<file_content>(R"("text")") == file_content{"text", 0644});
  CHECK(*read<file_content>(R"({"content_base64":"AP8="})")
        == file_content{"\0\xFF"s, 0644});
  CHECK(*read<file_content>(R"({"content_base64":"","mode":"0755"})")
        == file_content{"", 0755});
  CHECK(read<file_content>(R"({"content_base64":"","mode":"755"})")->mode
        == 0755);
  CHECK(read<file_content>(R"({"content_base64":"","mode":493})")->mode
        == 0755);
  check_round_trip(file_content{"text\n", 0644});
  check_round_trip(file_content{"#!/bin/sh", 0755});
  check_round_trip(file_content{"\xFF\0"s, 0644});
  check_round_trip(file_content{"", 0});
}

TEST_CASE("wrong files are refused with the path inside") {
  using row = std::pair<const char*, const char*>;
  for (const auto& [text, field] : {
         row{R"({"f":{"content":"x"}})", "f.content"},
         row{R"({"f":{}})", "f.content_base64"},
         row{R"({"f":{"content_base64":"x"}})", "f.content_base64"},
         row{R"({"f":{"content_base64":"Zm9v\n"}})", "f.content_base64"},
         row{R"({"f":{"content_base64":"","mode":"0999"}})", "f.mode"},
         row{R"({"f":{"content_base64":"","mode":"1777"}})", "f.mode"},
         row{R"({"f":{"content_base64":"","mode":755}})", "f.mode"},
         row{R"({"f":{"content_base64":"","mode":-1}})", "f.mode"},
         row{R"({"f":{"content_base64":"","mode":""}})", "f.mode"},
         row{R"({"f":null})", "f"},
       }) {
    CAPTURE(text);
    const auto x = read<std::map<std::string, file_content>>(text);
    REQUIRE_FALSE(x);
    auto expected = R"(["f"])"s + std::string{field}.substr(1);
    CHECK(field_of(x.error()) == expected);
  }
}

TEST_CASE("standard input is text, or base64 that may stay open") {
  CHECK(*read<stdin_content>(R"("a")") == stdin_content{"a", false});
  CHECK(*read<stdin_content>(R"({"open":true})") == stdin_content{"", true});
  CHECK(*read<stdin_content>(R"({"content_base64":"YQ==","open":true})")
        == stdin_content{"a", true});
  check_round_trip(stdin_content{"a", false});
  check_round_trip(stdin_content{"a", true});
  check_round_trip(stdin_content{"\xFF", false});
}

TEST_CASE("metadata is kept as compact text") {
  const auto x
    = read<json_text>("{ \"b\" : [1, 2.5, null], \"a\": \"\xC3\xA9\" }");
  REQUIRE(x);
  CHECK(x->text == "{\"a\":\"\xC3\xA9\",\"b\":[1,2.5,null]}");
  check_round_trip(*x);
  CHECK(text_of(json_text{""}) == "{}");
}

TEST_CASE("lossy text loses only what JSON cannot hold") {
  CHECK(text_of(lossy_text{"a\xFF"}) == "\"a\xEF\xBF\xBD\"");
  check_round_trip(lossy_text{"a\n\0b"s});
}
