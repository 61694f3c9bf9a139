#include "messages/json_string.hpp"

#include "messages/utf8.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace ocw {

namespace {

using byte = unsigned char;

// -- blocks -------------------------------------------------------------------
//
// Output is mostly what JSON takes as it is. So bytes are copied by the block,
// and a block tells while it is copied which of its bytes are special: control
// characters, quote, backslash, and everything beyond ASCII.

#ifdef __SSE2__

constexpr auto block_bytes = size_t{16};

using block_marks = uint32_t; ///< a bit for each special byte

/// Copies a block and marks its special bytes.
block_marks copy_block(char* to, const char* from) {
  const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  // As signed numbers, what is beyond ASCII is below the space as well.
  const auto marks
    = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                   _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  return static_cast<block_marks>(_mm_movemask_epi8(marks));
}

size_t first_of(block_marks marks) {
  return static_cast<size_t>(std::countr_zero(marks));
}

#else

static_assert(std::endian::native == std::endian::little,
              "copy_block takes the lowest byte of a word for the first");

constexpr auto block_bytes = size_t{8};

using block_marks = uint64_t; ///< the high bit of each special byte

/// Copies a block and marks its special bytes. A borrow can mark bytes after
/// a marked one too, so only the first mark is exact.
block_marks copy_block(char* to, const char* from) {
  constexpr auto ones = uint64_t{0x0101010101010101};
  auto word = uint64_t{0};
  std::memcpy(&word, from, sizeof(word));
  std::memcpy(to, &word, sizeof(word));
  const auto quote = word ^ (ones * '"');
  const auto backslash = word ^ (ones * '\\');
  return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote)
          | ((backslash - ones) & ~backslash) | word)
         & (ones * 0x80);
}

size_t first_of(block_marks marks) {
  return static_cast<size_t>(std::countr_zero(marks)) / 8;
}

#endif

bool is_special(byte c) {
  return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

// -- escaping -----------------------------------------------------------------

/// The letter after the backslash, for characters that have a short form.
char short_form(byte c) {
  switch (c) {
  case '"':
  case '\\':
    return static_cast<char>(c);
  case '\b':
    return 'b';
  case '\f':
    return 'f';
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  default:
    return 0;
  }
}

constexpr auto longest_escape = size_t{6};

/// Writes a string and makes room for it as it comes. `end` returns the bytes
/// that were not needed.
class escaper {
public:
  escaper(std::string& out, std::string_view bytes)
    : out_(out), used_(out.size()), from_(bytes.data()), left_(bytes.size()) {
    // Log lines need one escape each; room for them up front saves a copy.
    out_.resize(used_ + left_ + left_ / 32 + slack);
  }

  bool done() const { return left_ == 0; }
  std::string_view rest() const { return {from_, left_}; }

  /// Copies up to the next special byte, or to the end.
  void copy_plain() {
    reserve(left_);
    auto* to = out_.data() + used_;
    const auto* from = from_;
    const auto* const end = from + left_;
    auto marks = block_marks{0};
    while (static_cast<size_t>(end - from) >= block_bytes) {
      marks = copy_block(to, from);
      if (marks != 0)
        break;
      from += block_bytes;
      to += block_bytes;
    }
    if (marks != 0)
      from += first_of(marks);
    else
      while (from != end && !is_special(static_cast<byte>(*from)))
        *to++ = *from++;
    const auto copied = static_cast<size_t>(from - from_);
    advance(copied, copied);
  }

  /// Copies a UTF-8 sequence.
  void copy(size_t size) {
    reserve(size);
    std::memcpy(out_.data() + used_, from_, size);
    advance(size, size);
  }

  /// Writes `text` in place of the next `size` bytes.
  void replace(size_t size, std::string_view text) {
    reserve(text.size());
    std::memcpy(out_.data() + used_, text.data(), text.size());
    advance(size, text.size());
  }

  void end() { out_.resize(used_); }

private:
  static constexpr auto slack = size_t{64};

  void reserve(size_t size) {
    if (out_.size() - used_ < size)
      out_.resize(used_ + left_ + left_ / 2 + slack);
  }

  void advance(size_t taken, size_t written) {
    from_ += taken;
    left_ -= taken;
    used_ += written;
  }

  std::string& out_;
  size_t used_;
  const char* from_;
  size_t left_;
};

void escape_ascii(escaper& text) {
  constexpr auto hex = std::string_view{"0123456789abcdef"};
  const auto c = static_cast<byte>(text.rest().front());
  if (const auto letter = short_form(c); letter != 0) {
    const char pair[] = {'\\', letter};
    return text.replace(1, {pair, sizeof(pair)});
  }
  const char code[longest_escape]
    = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 0xF]};
  text.replace(1, {code, sizeof(code)});
}

/// Appends everything; false at the first byte that is not text, if that is
/// asked for.
template <bool RefuseOthers>
bool append_escaped(std::string& out, std::string_view bytes) {
  auto text = escaper{out, bytes};
  for (text.copy_plain(); !text.done(); text.copy_plain()) {
    const auto c = static_cast<byte>(text.rest().front());
    if (RefuseOthers && c == 0)
      return false;
    if (c < 0x80) {
      escape_ascii(text);
    } else if (const auto length = utf8_sequence(text.rest()); length > 0) {
      text.copy(length);
    } else {
      if (RefuseOthers)
        return false;
      text.replace(utf8_ill_formed(text.rest()), utf8_replacement);
    }
  }
  text.end();
  return true;
}

} // namespace

void append_json_string(std::string& out, std::string_view bytes) {
  out += '"';
  append_escaped<false>(out, bytes);
  out += '"';
}

bool append_json_text(std::string& out, std::string_view bytes) {
  const auto start = out.size();
  out += '"';
  if (!append_escaped<true>(out, bytes)) {
    out.resize(start);
    return false;
  }
  out += '"';
  return true;
}

} // namespace ocw
