#include "follower.hpp"

namespace ocw::bench {

bool follower::accept(std::string_view json, int64_t now) {
  event_ = parse_event(json);
  if (event_.type == "error")
    fail("the node refused a message: " + std::string{json});
  if (event_.job_id != job_id_)
    return false;
  if (event_.seq != last_seq_ + 1)
    fail("event " + std::to_string(event_.seq) + " came after event "
         + std::to_string(last_seq_));
  last_seq_ = event_.seq;
  if (event_.is_output())
    take_output(now);
  else if (event_.is_terminal())
    take_end(json);
  return true;
}

void follower::take_output(int64_t now) {
  auto& bytes = event_.stream == "stderr" ? stderr_bytes_ : stdout_bytes_;
  if (event_.offset != bytes)
    fail("a chunk starts at byte " + std::to_string(event_.offset)
         + ", expected " + std::to_string(bytes));
  bytes += event_.bytes;
  ++chunks_;
  last_ns_ = now;
  if (first_ns_ == 0)
    first_ns_ = now;
}

void follower::take_end(std::string_view json) {
  done_ = true;
  if (event_.type != "job_complete")
    fail("the job did not finish: " + std::string{json});
  if (event_.stdout_length != stdout_bytes_
      || event_.stderr_length != stderr_bytes_)
    fail("the job wrote " + std::to_string(event_.stdout_length) + " bytes, "
         + std::to_string(stdout_bytes_) + " arrived");
}

std::string subscribe_message(std::string_view job_id) {
  auto text = std::string{R"({"type":"subscribe","job_ids":[")"};
  text += job_id;
  text += "\"]}";
  return text;
}

} // namespace ocw::bench
