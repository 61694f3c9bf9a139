#pragma once

#include <cerrno>
#include <cstring>
#include <string>

namespace ocw::launcher {

/// The first failure, in words; what comes after it is not tried.
class outcome {
public:
  /// `done`, or the reason in errno under the name of `what`.
  bool check(bool done, const std::string& what) {
    if (!done && text_.empty())
      text_ = what + ": " + std::strerror(errno);
    return done;
  }

  /// A failure that was put into words elsewhere, or an empty text.
  void take(const std::string& failure) {
    if (text_.empty())
      text_ = failure;
  }

  bool good() const { return text_.empty(); }
  const std::string& text() const { return text_; }

private:
  std::string text_;
};

} // namespace ocw::launcher
