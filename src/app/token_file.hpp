#pragma once

#include <caf/expected.hpp>

#include <string>

namespace ocw {

/// Whose file a token is in, which decides how strictly it is looked at.
enum class token_owner : uint8_t {
  node,   ///< the node's own: no link, and nobody else may read it
  client, ///< one that was named by its user, mounted from somewhere perhaps
};

/// Reads the token that stands alone in a file. `ec::not_found` when there is
/// no such file, else `ec::invalid_request`.
caf::expected<std::string> read_token_file(const std::string& path,
                                           token_owner whose);

/// Writes a new token, 32 random bytes in hexadecimal, into a file of mode
/// 0600 that did not exist before. Whatever happens, the file is there as a
/// whole or not at all. `ec::invalid_request` when it cannot be written.
caf::expected<std::string> make_token_file(const std::string& path);

/// The token in a text: without one line end after it. `ec::invalid_request`
/// when it is not 16 to 512 printable characters without a space.
caf::expected<std::string> checked_token(std::string text,
                                         const std::string& where);

} // namespace ocw
