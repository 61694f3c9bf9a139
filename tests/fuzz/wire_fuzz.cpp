// A libFuzzer target for what launcher, shims and node say to each other, and
// for the spool that shims leave: whatever the bytes, no crash, no memory
// beyond what came, and what is understood means the same when said again.
// `./scripts/check fuzz` runs it.

#include "fuzz/readers.hpp"
#include "launcher/frames.hpp"
#include "launcher/setup.hpp"
#include "launcher/spec.hpp"
#include "process/sandbox_report.hpp"
#include "store/spool_reader.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using namespace ocw;
using ocw::fuzz::must;

namespace {

void read_spec(std::string_view bytes) {
  launcher::job_request request;
  if (launcher::decode(bytes, request).empty())
    must(launcher::encode(request) == bytes);
}

void read_setup(std::string_view bytes) {
  launcher::setup_request request;
  if (launcher::decode(bytes, request).empty())
    must(launcher::encode(request) == bytes);
}

void read_setup_report(std::string_view bytes) {
  (void)read_report(bytes);
}

void read_frames(std::string_view bytes) {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const launcher::unique_fd ours{ends[0]};
  launcher::unique_fd theirs{ends[1]};
  const auto sent
    = ::send(theirs.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  must(sent == static_cast<ssize_t>(bytes.size()));
  theirs.reset();
  launcher::frame_reader reader{ours.get()};
  launcher::frame frame;
  size_t seen = 0;
  while (reader.read(frame, launcher::waiting::yes)
         == launcher::read_result::complete)
    seen += sizeof(wire::frame_header) + frame.payload.size();
  must(seen <= bytes.size());
}

void read_spool(std::string_view bytes) {
  static const auto prefix
    = "/dev/shm/ocw-wire-fuzz-" + std::to_string(::getpid());
  const launcher::unique_fd file{
    ::open((prefix + ".index").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)};
  must(::write(file.get(), bytes.data(), bytes.size())
       == static_cast<ssize_t>(bytes.size()));
  const spool_reader reader{prefix};
  const auto found = reader.scan();
  must(found.cells * sizeof(wire::index_cell) <= bytes.size());
  (void)reader.cell(0);
  std::filesystem::remove(prefix + ".index");
}

std::string spec_sample() {
  launcher::job_request request;
  request.spool_prefix = "/s/p";
  request.session_dir = "/s/d";
  request.work_dir = "/s/d/work";
  request.exec_path = "/bin/sh";
  request.argv = {"sh", "-c", "true"};
  request.env = {"A=b"};
  request.secrets = {"x"};
  return launcher::encode(request);
}

std::string setup_sample() {
  launcher::setup_request request;
  request.group_name = "g";
  request.root.sessions_dir = "/s";
  request.root.readonly = {"/r"};
  return launcher::encode(request);
}

std::string index_sample() {
  wire::index_cell cell;
  cell.length = 3;
  cell.check = wire::crc32c(&cell, sizeof(cell) - sizeof(cell.check));
  return std::string{launcher::bytes_of(cell)};
}

} // namespace

const std::vector<fuzz::reader>& fuzz::readers() {
  static const std::vector<reader> all = {
    {read_spec, spec_sample()},
    {read_setup, setup_sample()},
    {read_setup_report, std::string(sizeof(wire::setup_report), '\0')},
    {read_frames, std::string{launcher::bytes_of(wire::frame_header{})}},
    {read_spool, index_sample()},
  };
  return all;
}
