#include "store/spool_reader.hpp"

#include "ocw/errors.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <cstring>
#include <fstream>

namespace {

using namespace ocw;
using wire::stream_id;

/// Writes a spool byte by byte, well or badly.
struct spool_writer {
  test::temp_dir dir;
  std::string prefix = dir / "session";
  uint64_t cells = 0;

  void append(const char* suffix, const void* data, size_t size) {
    auto file
      = std::ofstream{prefix + suffix, std::ios::binary | std::ios::app};
    file.write(static_cast<const char*>(data),
               static_cast<std::streamsize>(size));
  }

  static wire::index_cell cell(wire::cell_kind kind, uint64_t offset,
                               uint32_t length) {
    auto result = wire::index_cell{};
    result.unix_ms = 1000;
    result.kind = kind;
    result.offset = offset;
    result.length = length;
    result.check = wire::crc32c(&result, offsetof(wire::index_cell, check));
    return result;
  }

  void add(const wire::index_cell& x) {
    append(".index", &x, sizeof(x));
    ++cells;
  }

  void add_output(uint64_t offset, uint32_t length) {
    add(cell(wire::cell_kind::output, offset, length));
  }

  wire::end_record add_end(size_t bytes = sizeof(wire::end_record)) {
    add(cell(wire::cell_kind::ended, 0, sizeof(wire::end_record)));
    auto record = wire::end_record{};
    record.stdout_bytes = 12;
    record.wait_status = 3;
    record.check = wire::crc32c(&record, offsetof(wire::end_record, check));
    append(".index", &record, bytes);
    return record;
  }
};

} // namespace

TEST_CASE("a spool that was never written reads as empty", "[spool]") {
  const auto writer = spool_writer{};
  const auto reader = spool_reader{writer.prefix};
  CHECK(code_of(reader.cell(0).error()) == ec::not_found);
  auto bytes = std::string{"old"};
  CHECK_FALSE(reader.read(stream_id::out, 0, 10, bytes));
  CHECK(bytes.empty());
  CHECK(reader.size(stream_id::err) == 0);
  CHECK(reader.descriptor(stream_id::out) == -1);
  const auto all = reader.scan();
  CHECK(all.cells == 0);
  CHECK_FALSE(all.end);
  CHECK_FALSE(all.damaged);
}

TEST_CASE("a reader sees what is written after it was made", "[spool]") {
  auto writer = spool_writer{};
  const auto reader = spool_reader{writer.prefix};
  CHECK_FALSE(reader.cell(0));
  writer.append(".stdout", "hello", 5);
  writer.add_output(0, 5);
  const auto first = reader.cell(0);
  REQUIRE(first);
  CHECK(first->length == 5);
  auto bytes = std::string{};
  CHECK_FALSE(reader.read(stream_id::out, 1, 3, bytes));
  CHECK(bytes == "ell");
  CHECK_FALSE(reader.read(stream_id::out, 3, 100, bytes));
  CHECK(bytes == "lo");
  CHECK_FALSE(reader.read(stream_id::out, 5, 100, bytes));
  CHECK(bytes.empty());
  CHECK(reader.size(stream_id::out) == 5);
  CHECK(reader.descriptor(stream_id::out) >= 0);
}

TEST_CASE("asking for more than there is does not make room for it",
          "[spool]") {
  auto writer = spool_writer{};
  writer.append(".stderr", "oops", 4);
  const auto reader = spool_reader{writer.prefix};
  auto bytes = std::string{};
  CHECK_FALSE(reader.read(stream_id::err, 1, size_t{1} << 60, bytes));
  CHECK(bytes == "ops");
  CHECK_FALSE(reader.read(stream_id::err, 9, size_t{1} << 60, bytes));
  CHECK(bytes.empty());
}

TEST_CASE("a torn cell is not written yet", "[spool]") {
  auto writer = spool_writer{};
  writer.add_output(0, 5);
  const auto whole = spool_writer::cell(wire::cell_kind::output, 5, 5);
  writer.append(".index", &whole, sizeof(whole) - 1);
  const auto reader = spool_reader{writer.prefix};
  CHECK(reader.cell(0));
  CHECK(code_of(reader.cell(1).error()) == ec::not_found);
  CHECK(reader.scan().cells == 1);
  CHECK_FALSE(reader.scan().damaged);
}

TEST_CASE("a cell of zeros is not written yet", "[spool]") {
  auto writer = spool_writer{};
  writer.add_output(0, 5);
  const char zeros[sizeof(wire::index_cell)] = {};
  writer.append(".index", zeros, sizeof(zeros));
  const auto reader = spool_reader{writer.prefix};
  CHECK(code_of(reader.cell(1).error()) == ec::not_found);
  CHECK(reader.scan().cells == 1);
  CHECK_FALSE(reader.scan().damaged);
}

TEST_CASE("a cell with a bad check is damaged", "[spool]") {
  auto writer = spool_writer{};
  writer.add_output(0, 5);
  auto bad = spool_writer::cell(wire::cell_kind::output, 5, 5);
  bad.length = 6;
  writer.add(bad);
  writer.add_output(10, 5);
  const auto reader = spool_reader{writer.prefix};
  const auto read = reader.cell(1);
  REQUIRE_FALSE(read);
  CHECK(code_of(read.error()) == ec::internal);
  CHECK(sentence_of(read.error())
        == "the output index of session 'session' is damaged at entry 1");
  CHECK(reader.cell(2));
  CHECK(reader.scan().cells == 1);
  CHECK(reader.scan().damaged);
}

TEST_CASE("a scan counts the cells and finds the end", "[spool]") {
  auto writer = spool_writer{};
  for (auto i = 0u; i < 5000; ++i)
    writer.add_output(i, 1);
  writer.add(spool_writer::cell(wire::cell_kind::truncated, 5000, 0));
  CHECK_FALSE(spool_reader{writer.prefix}.scan().end);
  writer.add_end();
  const auto all = spool_reader{writer.prefix}.scan();
  CHECK(all.cells == 5001);
  CHECK_FALSE(all.damaged);
  REQUIRE(all.end);
  CHECK(all.end->wait_status == 3);
  CHECK(all.end->stdout_bytes == 12);
}

TEST_CASE("an end record that was cut off is no end", "[spool]") {
  auto writer = spool_writer{};
  writer.add_output(0, 1);
  writer.add_end(sizeof(wire::end_record) - 8);
  const auto all = spool_reader{writer.prefix}.scan();
  CHECK(all.cells == 1);
  CHECK_FALSE(all.end);
  CHECK_FALSE(all.damaged);
}

TEST_CASE("a spool that cannot be opened is not an empty one", "[spool]") {
  auto writer = spool_writer{};
  std::filesystem::create_directory(writer.prefix + ".index");
  const auto reader = spool_reader{writer.prefix};
  CHECK(code_of(reader.cell(0).error()) == ec::internal);
  CHECK(reader.scan().damaged);
}

TEST_CASE("removing a spool leaves nothing of it", "[spool]") {
  auto writer = spool_writer{};
  writer.append(".stdout", "x", 1);
  writer.append(".stderr", "x", 1);
  writer.add_output(0, 1);
  remove_spool(writer.prefix);
  CHECK(std::filesystem::is_empty(writer.dir.path()));
  remove_spool(writer.prefix);
}
