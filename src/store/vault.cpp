#include "store/vault.hpp"

#include "ocw/errors.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace ocw {

namespace {

constexpr size_t nonce_bytes = 12;
constexpr size_t tag_bytes = 16;

struct free_cipher {
  void operator()(EVP_CIPHER_CTX* context) const {
    EVP_CIPHER_CTX_free(context);
  }
};
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, free_cipher>;

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void authenticate(const vault::key& secret, std::string_view text,
                  unsigned char* result) {
  auto length = 0u;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(vault::key_bytes),
       bytes_of(text), text.size(), result, &length);
}

caf::error cannot_seal() {
  return make_error(ec::internal, "secrets cannot be encrypted");
}

caf::error cannot_open() {
  return make_error(ec::internal, "sealed data does not open: it was changed, "
                                  "or sealed with another key");
}

} // namespace

vault::key::~key() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

vault::vault(const key& root) {
  authenticate(root, "opencode-worker sealing 1", sealing_.data());
  authenticate(root, "opencode-worker digests 1", digesting_.data());
}

// Sealed data is nonce, ciphertext, tag.

caf::expected<std::string> vault::seal(std::string_view plain,
                                       std::string_view associated) const {
  const auto context = cipher_context{EVP_CIPHER_CTX_new()};
  auto result = std::string(nonce_bytes + plain.size() + tag_bytes, '\0');
  auto* const nonce = bytes_of(result);
  auto* const body = nonce + nonce_bytes;
  auto* const tag = body + plain.size();
  auto count = 0;
  if (!context || RAND_bytes(nonce, static_cast<int>(nonce_bytes)) != 1
      || EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                            sealing_.data(), nonce)
           != 1
      || EVP_EncryptUpdate(context.get(), nullptr, &count, bytes_of(associated),
                           static_cast<int>(associated.size()))
           != 1
      || EVP_EncryptUpdate(context.get(), body, &count, bytes_of(plain),
                           static_cast<int>(plain.size()))
           != 1
      || EVP_EncryptFinal_ex(context.get(), tag, &count) != 1
      || EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG,
                             static_cast<int>(tag_bytes), tag)
           != 1)
    return cannot_seal();
  return result;
}

caf::expected<std::string> vault::open(std::string_view sealed,
                                       std::string_view associated) const {
  if (sealed.size() < nonce_bytes + tag_bytes)
    return cannot_open();
  const auto context = cipher_context{EVP_CIPHER_CTX_new()};
  const auto body
    = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  auto tag = std::string{sealed.substr(sealed.size() - tag_bytes)};
  auto result = std::string(body.size(), '\0');
  auto rest = std::array<unsigned char, tag_bytes>{};
  auto count = 0;
  if (!context
      || EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                            sealing_.data(), bytes_of(sealed))
           != 1
      || EVP_DecryptUpdate(context.get(), nullptr, &count, bytes_of(associated),
                           static_cast<int>(associated.size()))
           != 1
      || EVP_DecryptUpdate(context.get(), bytes_of(result), &count,
                           bytes_of(body), static_cast<int>(body.size()))
           != 1
      || EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG,
                             static_cast<int>(tag_bytes), bytes_of(tag))
           != 1
      || EVP_DecryptFinal_ex(context.get(), rest.data(), &count) != 1) {
    wipe(result);
    return cannot_open();
  }
  return result;
}

std::string vault::digest(std::string_view text) const {
  auto result = std::string(digest_bytes, '\0');
  authenticate(digesting_, text, bytes_of(result));
  return result;
}

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

} // namespace ocw
