#pragma once

#include "launcher/wire.hpp"
#include "ocw/ids.hpp"
#include "store/history.hpp"
#include "support/temp_dir.hpp"

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ocw::test {

/// A job whose phases and output the test plays: it writes a real spool, as a
/// shim would, and tells a real history about it.
class test_job {
public:
  test_job(const temp_dir& dir, std::string job_id)
    : prefix_(dir / job_id),
      follow_(std::make_shared<history>(job_id, prefix_)) {
    record_.job_id = std::move(job_id);
    record_.session_id = "session-of-" + record_.job_id;
    record_.worker_id = "worker";
  }

  const std::string& id() const { return record_.job_id; }
  const history_ptr& follow() const { return follow_; }

  void start() {
    for (const auto at : {phase::init, phase::prepare, phase::execute})
      follow_->reach(record_, {at, now_unix_ms()});
  }

  /// Writes one cell and announces it.
  void write(std::string_view bytes,
             wire::stream_id stream = wire::stream_id::out) {
    add_cell(bytes, stream);
    announce();
  }

  /// Writes one cell.
  void add_cell(std::string_view bytes,
                wire::stream_id stream = wire::stream_id::out) {
    auto& size = sizes_[static_cast<size_t>(stream)];
    append(stream == wire::stream_id::out ? ".stdout" : ".stderr", bytes);
    add_index(stream, size, bytes.size());
    size += bytes.size();
  }

  /// Writes one cell over bytes that are there already: a way to a long
  /// history from a short file.
  void add_index(wire::stream_id stream, uint64_t offset, size_t length) {
    auto cell = wire::index_cell{};
    cell.unix_ms = now_unix_ms();
    cell.offset = offset;
    cell.length = static_cast<uint32_t>(length);
    cell.stream = stream;
    cell.check = wire::crc32c(&cell, offsetof(wire::index_cell, check));
    append(".index", {static_cast<const char*>(static_cast<const void*>(&cell)),
                      sizeof(cell)});
    ++cells_;
  }

  void announce() { follow_->output_grew(cells_); }

  void end(job_status status = job_status::finished) {
    follow_->reach(record_, {phase::collect, now_unix_ms()});
    follow_->reach(record_, {phase::destroy, now_unix_ms()});
    record_.status = status;
    record_.exit_code = status == job_status::finished ? 0 : 1;
    record_.finished_unix_ms = now_unix_ms();
    record_.output_events = cells_;
    record_.output.out.bytes = sizes_[0];
    record_.output.err.bytes = sizes_[1];
    follow_->end(std::make_shared<const job_record>(record_));
  }

private:
  void append(const char* suffix, std::string_view bytes) const {
    auto file
      = std::ofstream{prefix_ + suffix, std::ios::binary | std::ios::app};
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  std::string prefix_;
  history_ptr follow_;
  job_record record_;
  uint64_t cells_ = 0;
  uint64_t sizes_[2] = {0, 0};
};

} // namespace ocw::test
