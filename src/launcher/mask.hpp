#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace ocw::launcher {

/// Replaces every occurrence of the secrets in one stream by `***`, however the
/// stream is cut into reads. Occurrences that overlap become one `***`, so that
/// no piece of a secret is left. The end of what was fed is held back while it
/// could still become a secret: at most the longest secret less one byte.
class masker {
public:
  explicit masker(std::vector<std::string> secrets);

  /// No secrets: the caller can skip the copy.
  bool idle() const { return secrets_.empty(); }

  /// Appends to `out` what is decided once `in` has come.
  void feed(std::string_view in, std::string& out);

  /// Appends what was held back; nothing more comes.
  void finish(std::string& out);

private:
  struct match {
    size_t length = 0;
    bool undecided = false; // a longer one may still come true
  };
  match match_at(size_t at, bool last) const;
  void scan(bool last, std::string& out);
  size_t plain_end(size_t at) const;

  std::vector<std::string> secrets_;
  std::array<bool, 256> starts_{}; // bytes some secret begins with
  std::string held_;
  size_t covered_ = 0; // first bytes of held_ that a `***` already stands for
};

} // namespace ocw::launcher
