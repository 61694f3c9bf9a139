// A libFuzzer target for the command policy: no text may crash it, hang it, or
// make it say something that is not text. `./scripts/check fuzz` runs it.

#include "messages/utf8.hpp"
#include "support/policy_verdicts.hpp"

#include <caf/init_global_meta_objects.hpp>

#include "ocw/type_ids.hpp"

#include <cstdint>
#include <cstdlib>

using namespace ocw;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  caf::init_global_meta_objects<caf::id_block::ocw>();
  caf::core::init_global_meta_objects();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto settings = [] {
    auto made = test::checked({"xargs", "gawk"}, {"id"});
    made.max_command_length = 1000000;
    made.dangerous_patterns.push_back("git push*--force");
    return made;
  }();
  const auto text = std::string{reinterpret_cast<const char*>(data), size};
  const auto said = test::verdict(text, settings);
  if (!is_text(said) || said != test::verdict(text, settings))
    std::abort();
  auto words = std::vector<std::string>(1);
  for (const auto c : text)
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  if (!is_text(test::verdict(test::argv_job(words), settings)))
    std::abort();
  return 0;
}
