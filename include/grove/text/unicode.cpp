// SPDX-License-Identifier: Apache-2.0
#include "grove/text/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "grove/text/unicode_ranges.hpp"

namespace grove::text {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::uint64_t high_bits = 0x8080808080808080;

char const* skip_ascii(char const* p, char const* end) {
  while (end - p >= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, p, 8);
    if (bytes & high_bits) break;
    p += 8;
  }
  while (p < end && static_cast<signed char>(*p) >= 0) ++p;
  return p;
}

struct Sequence {
  int size;    ///< bytes that belong together: a whole character, or the maximal ill-formed part (at least 1)
  bool whole;  ///< a well-formed character
  bool cut;    ///< ill-formed only because the text ends
};

/// Table 3-7 of the Unicode standard: the second byte's range depends on the first.
Sequence next_sequence(unsigned char const* p, std::ptrdiff_t left) {
  unsigned char const lead = p[0];
  if (lead < 0x80) return {1, true, false};
  if (lead < 0xC2 || lead > 0xF4) return {1, false, false};
  int const size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char const low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char const high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (int i = 1; i < size; ++i) {
    if (i == left) return {i, false, true};
    if (p[i] < (i == 1 ? low : 0x80) || p[i] > (i == 1 ? high : 0xBF)) return {i, false, false};
  }
  return {size, true, false};
}

Sequence next_sequence(char const* p, char const* end) {
  return next_sequence(reinterpret_cast<unsigned char const*>(p), end - p);
}

std::vector<std::uint8_t> expand_ranges() {
  std::vector<std::uint8_t> classes(0x110000, 0);
  std::size_t const count = std::size(detail::unicode_ranges);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t const first = detail::unicode_ranges[i] >> 8;
    std::uint32_t const last = i + 1 < count ? detail::unicode_ranges[i + 1] >> 8 : 0x110000;
    auto const value = static_cast<std::uint8_t>(detail::unicode_ranges[i] & 0xFF);
    if (value != 0) std::fill(classes.begin() + first, classes.begin() + last, value);
  }
  return classes;
}

/// NFC of a short stretch by utf8proc. Marks are sorted here: utf8proc's own sort is quadratic in their number.
void append_composed(std::string& out, std::string_view stretch) {
  std::vector<utf8proc_int32_t> points;
  for (char const *p = stretch.data(), *end = p + stretch.size(); p < end;) {
    auto const [value, size] = detail::decode_valid(p);
    utf8proc_int32_t parts[32];
    int boundary = 0;
    auto const count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(value), parts, 32,
                                static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &boundary);
    points.insert(points.end(), parts, parts + count);
    p += size;
  }
  auto const order = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (auto i = points.begin(); i != points.end();) {
    auto const mark = std::find_if(i, points.end(), [&](auto c) { return order(c) != 0; });
    i = std::find_if(mark, points.end(), [&](auto c) { return order(c) == 0; });
    std::stable_sort(mark, i, [&](auto a, auto b) { return order(a) < order(b); });
  }
  auto const count = utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                                              static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(out, static_cast<char32_t>(points[i]));
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) {
  char const* const begin = text.data();
  char const* const end = begin + text.size();
  char const* p = begin;
  while ((p = skip_ascii(p, end)) < end) {
    Sequence const next = next_sequence(p, end);
    if (!next.whole) break;
    p += next.size;
  }
  return static_cast<std::size_t>(p - begin);
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    std::size_t const good = valid_utf8_prefix(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return out;
    out.append(replacement);
    text.remove_prefix(static_cast<std::size_t>(next_sequence(text.data(), text.data() + text.size()).size));
  }
}

std::size_t incomplete_utf8_tail(std::string_view text) {
  char const* const end = text.data() + text.size();
  for (std::size_t size = std::min<std::size_t>(3, text.size()); size > 0; --size) {
    Sequence const last = next_sequence(end - size, end);
    if (last.cut && static_cast<std::size_t>(last.size) == size) return size;
  }
  return 0;
}

void append_utf8(std::string& out, char32_t c) {
  auto const push = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return push(c);
  if (c < 0x800) {
    push(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      push(0xE0 | c >> 12);
    } else {
      push(0xF0 | c >> 18);
      push(0x80 | (c >> 12 & 0x3F));
    }
    push(0x80 | (c >> 6 & 0x3F));
  }
  push(0x80 | (c & 0x3F));
}

bool is_surely_nfc(std::string_view text) {
  std::uint8_t const* const classes = detail::char_classes();
  char const* const end = text.data() + text.size();
  for (char const* p = text.data(); (p = skip_ascii(p, end)) < end;) {
    auto const [value, size] = detail::decode_valid(p);
    if (classes[value] & detail::nfc_active) return false;
    p += size;
  }
  return true;
}

std::string nfc(std::string_view text) {
  std::uint8_t const* const classes = detail::char_classes();
  std::string out;
  out.reserve(text.size());
  char const* const end = text.data() + text.size();
  for (char const* p = text.data(); p < end;) {
    // A stretch is one character that NFC leaves alone (none at the start of the text) and the active ones after it.
    auto const head = detail::decode_valid(p);
    char const* const marks = classes[head.value] & detail::nfc_active ? p : p + head.size;
    char const* stop = marks;
    while (stop < end) {
      auto const next = detail::decode_valid(stop);
      if (!(classes[next.value] & detail::nfc_active)) break;
      stop += next.size;
    }
    bool const joins = classes[head.value] & detail::nfc_first;
    if (stop > marks && joins) {
      append_composed(out, {p, static_cast<std::size_t>(stop - p)});
    } else {
      out.append(p, marks);
      if (stop > marks) append_composed(out, {marks, static_cast<std::size_t>(stop - marks)});
    }
    p = stop;
  }
  return out;
}

namespace detail {

std::uint8_t const* char_classes() {
  static std::vector<std::uint8_t> const classes = expand_ranges();
  return classes.data();
}

}  // namespace detail
}  // namespace grove::text
