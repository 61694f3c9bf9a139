#pragma once

// What the libFuzzer targets share: a table of readers, the first byte of the
// input choosing one, and an honest message for each, from which to set out.

#include <caf/init_global_meta_objects.hpp>

#include "ocw/type_ids.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max);

namespace ocw::fuzz {

inline void must(bool holds) {
  if (!holds)
    std::abort();
}

struct reader {
  void (*read)(std::string_view bytes);
  std::string sample;
};

/// Each target defines its own.
const std::vector<reader>& readers();

} // namespace ocw::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  caf::init_global_meta_objects<caf::id_block::ocw>();
  caf::core::init_global_meta_objects();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max, unsigned seed) {
  const auto& all = ocw::fuzz::readers();
  if (seed % 32 == 0) {
    const auto which = seed / 32 % all.size();
    auto sample = all[which].sample;
    sample.insert(sample.begin(), static_cast<char>(which));
    size = std::min(sample.size(), max);
    std::memcpy(data, sample.data(), size);
  }
  return LLVMFuzzerMutate(data, size, max);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const auto& all = ocw::fuzz::readers();
  const void* bytes = data + 1;
  all[data[0] % all.size()].read({static_cast<const char*>(bytes), size - 1});
  return 0;
}
