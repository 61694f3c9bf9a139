#pragma once

#include <caf/expected.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace ocw {

/// Seals what a node must keep but nobody may read from its files, with a key
/// of its own. Thread-safe. Keys are wiped when the vault goes.
class vault {
public:
  static constexpr size_t key_bytes = 32;
  static constexpr size_t digest_bytes = 32;

  /// 256 bits of secret.
  class key {
  public:
    key() = default;
    key(const key&) = delete;
    key& operator=(const key&) = delete;
    ~key();
    unsigned char* data() { return bytes_.data(); }
    const unsigned char* data() const { return bytes_.data(); }

  private:
    std::array<unsigned char, key_bytes> bytes_{};
  };

  /// Derives the keys for sealing and for digests from `root`.
  explicit vault(const key& root);

  /// Encrypts and authenticates `plain` (AES-256-GCM, a random nonce). What
  /// comes out only opens with the same `associated`, such as the id of the
  /// job it belongs to. `ec::internal` when the library fails.
  caf::expected<std::string> seal(std::string_view plain,
                                  std::string_view associated) const;

  /// Undoes `seal`. `ec::internal` when it was sealed by another key, for
  /// another purpose, or was changed since.
  caf::expected<std::string> open(std::string_view sealed,
                                  std::string_view associated) const;

  /// HMAC-SHA-256 of `text`, as bytes. Unlike a plain hash it cannot be used
  /// to try out guesses without the key.
  std::string digest(std::string_view text) const;

private:
  key sealing_;
  key digesting_;
};

/// The vault whose key is the file `key` in `dir`; the key is made if there is
/// none. One process at a time may use a directory. `ec::unavailable` when the
/// file cannot be used, above all when others than its owner may read it.
caf::expected<std::unique_ptr<const vault>> open_vault(const std::string& dir);

/// Overwrites a text that held a secret.
void wipe(std::string& text);

} // namespace ocw
