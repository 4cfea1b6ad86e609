// SPDX-License-Identifier: Apache-2.0
#include "grove/text/unicode.hpp"

#include "support/catch.hpp"

using namespace grove::text;
using namespace std::string_literals;

TEST_CASE("UTF-8: the table of well-formed sequences, at its edges") {
  for (std::string const& good : {""s, "a"s, "\0"s, "\x7F"s, "\xC2\x80"s, "\xDF\xBF"s, "\xE0\xA0\x80"s, "\xED\x9F\xBF"s,
                                  "\xEE\x80\x80"s, "\xEF\xBF\xBF"s, "\xF0\x90\x80\x80"s, "\xF4\x8F\xBF\xBF"s}) {
    CHECK(is_valid_utf8("12345678" + good + "x"));
    CHECK(is_valid_utf8(good));
  }
  for (std::string const& bad :
       {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xC2"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s,
        "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF"s, "\xE2\x82"s, "\xF0\x9F\x98"s}) {
    CHECK(valid_utf8_prefix("12345678" + bad + "x") == 8);
    CHECK(!is_valid_utf8(bad));
  }
}

TEST_CASE("UTF-8: what Python's errors='replace' makes of ill-formed bytes") {
  // bytes(...).decode("utf-8", errors="replace"), each U+FFFD written as ?
  std::pair<std::string, std::string> const cases[] = {
      {"a\x80z"s, "a?z"},       {"\xC0\x80"s, "??"},
      {"\xE2\x82z"s, "?z"},     {"\xE0\x80\x80"s, "???"},
      {"\xED\xA0\x80"s, "???"}, {"\xF0\x9F\x98\xF0\x9F"s, "??"},
      {"\xF0\x9F\x98z"s, "?z"}, {"\xF4\x90\x80\x80"s, "????"},
      {"\xFF\xFE"s, "??"},      {"\xE2\x82\xAC\xE2"s, "\xE2\x82\xAC?"},
  };
  for (auto const& [bytes, expected] : cases) {
    std::string shown;
    for (char const c : expected) shown += c == '?' ? "\xEF\xBF\xBD" : std::string(1, c);
    CHECK(replace_invalid_utf8(bytes) == shown);
  }
}

TEST_CASE("UTF-8: a cut-off character is told from a broken one") {
  CHECK(incomplete_utf8_tail("") == 0);
  CHECK(incomplete_utf8_tail("abc\xE2\x82\xAC") == 0);
  CHECK(incomplete_utf8_tail("abc\xE2\x82") == 2);
  CHECK(incomplete_utf8_tail("\xF0\x9F\x98") == 3);
  CHECK(incomplete_utf8_tail("x\xC3") == 1);
  CHECK(incomplete_utf8_tail("x\xE0\x80") == 0);     // already ill-formed
  CHECK(incomplete_utf8_tail("\x80\x80\x80") == 0);  // begins nothing
  CHECK(incomplete_utf8_tail("\xFF\xF4\x8F") == 2);
}

TEST_CASE("UTF-8: every code point survives append and decode") {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    auto const [value, size] = detail::decode_valid(text.data());
    auto const [before, size_before] = detail::decode_valid_before(text.data() + text.size());
    bool const same = is_valid_utf8(text) && value == c && size == text.size() && before == c && size_before == size;
    if (!same) FAIL("code point " << static_cast<unsigned>(c));
  }
}

TEST_CASE("NFC: composition, order of marks, Hangul, exclusions") {
  CHECK(nfc("") == "");
  CHECK(nfc("plain") == "plain");
  CHECK(nfc("cafe\u0301") == "caf\u00E9");
  CHECK(nfc("s\u0323\u0307") == "\u1E69");
  CHECK(nfc("s\u0307\u0323") == "\u1E69");
  CHECK(nfc("a\u0315\u0300") == "\u00E0\u0315");
  CHECK(nfc("\u212B \u2126") == "\u00C5 \u03A9");
  CHECK(nfc("\u1100\u1161\u11A8") == "\uAC01");
  CHECK(nfc("\uAC00\u11A8") == "\uAC01");
  CHECK(nfc("\u0958") == "\u0915\u093C");        // excluded from composition
  CHECK(nfc("\u020D\u0328") == "\u01EB\u030F");  // a composed letter taken apart by a mark of lower class
  CHECK(nfc("\u0301\u0300") == "\u0301\u0300");  // no starter
  CHECK(nfc("x\u0334\u0301y") == "x\u0334\u0301y");
}

TEST_CASE("NFC: marks younger than Unicode 9 keep their place, as in tokenizers") {
  CHECK(nfc("a\u0898\u0334") == "a\u0898\u0334");
  CHECK(nfc("\u0898\u0301\u0334") == "\u0898\u0334\u0301");
}

TEST_CASE("NFC: idempotent, and sure where it says so") {
  std::string const parts[] = {"a",      "e",      "\u0301", "\u0323", "\u0315", "\u00E9",
                               "\u1100", "\u1161", "\u11A8", "\u212B", "\u6F22", " "};
  for (auto const& a : parts) {
    for (auto const& b : parts) {
      for (auto const& c : parts) {
        std::string const text = a + b + c;
        std::string const once = nfc(text);
        CHECK(nfc(once) == once);
        if (is_surely_nfc(text)) CHECK(once == text);
      }
    }
  }
  CHECK(is_surely_nfc("ASCII and Latin-1 \u00E9\u00FF \u6F22\u5B57"));
}

TEST_CASE("NFC: a hundred thousand marks on one letter take no quadratic time") {
  std::string text = "a";
  for (int i = 0; i < 50'000; ++i) text += "\u0315\u0334";
  std::string const composed = nfc(text);
  CHECK(composed.size() == text.size());
  CHECK(composed.substr(1, 4) == "\u0334\u0334");
}
