// SPDX-License-Identifier: Apache-2.0
#include "grove/text/split_pattern.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace grove::text;

namespace {

using Words = std::vector<std::string>;

Words words(SplitPattern pattern, std::string_view text) {
  Words out;
  detail::split_words(pattern, text, detail::char_classes(),
                      [&](char const* begin, char const* end) { out.emplace_back(begin, end); });
  return out;
}

}  // namespace

TEST_CASE("split: patterns are known by their exact text") {
  CHECK(known_split_pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") ==
        SplitPattern::gpt2);
  CHECK(
      known_split_pattern(
          R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)") ==
      SplitPattern::qwen2);
  CHECK(
      known_split_pattern(
          R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)") ==
      SplitPattern::llama3);
  CHECK(!known_split_pattern(R"(\p{L}+)"));
}

TEST_CASE("split: contractions, with and without regard to case") {
  CHECK(words(SplitPattern::gpt2, "don't WE'LL") == Words{"don", "'t", " WE", "'", "LL"});
  CHECK(words(SplitPattern::qwen2, "don't WE'LL") == Words{"don", "'t", " WE", "'LL"});
  CHECK(words(SplitPattern::qwen2, "'Sand 'and") == Words{"'S", "and", " '", "and"});
  CHECK(words(SplitPattern::qwen2, "it'\u017F") == Words{"it", "'\u017F"});
  CHECK(words(SplitPattern::gpt2, "it'\u017F") == Words{"it", "'", "\u017F"});
}

TEST_CASE("split: digits") {
  CHECK(words(SplitPattern::gpt2, "x 12345") == Words{"x", " 12345"});
  CHECK(words(SplitPattern::qwen2, "x 12345") == Words{"x", " ", "1", "2", "3", "4", "5"});
  CHECK(words(SplitPattern::llama3, "x 12345") == Words{"x", " ", "123", "45"});
  CHECK(words(SplitPattern::llama3, "\u0661\u216B\u00B22") == Words{"\u0661\u216B\u00B2", "2"});
}

TEST_CASE("split: white space") {
  CHECK(words(SplitPattern::gpt2, "a  b \n\n c  ") == Words{"a", " ", " b", " \n\n", " c", "  "});
  CHECK(words(SplitPattern::qwen2, "a  b \n\n c  ") == Words{"a", " ", " b", " \n\n", " c", "  "});
  CHECK(words(SplitPattern::qwen2, "a \n x\n\n  y") == Words{"a", " \n", " x", "\n\n", " ", " y"});
  CHECK(words(SplitPattern::gpt2, "a \n x\n\n  y") == Words{"a", " \n", " x", "\n\n ", " y"});
  CHECK(words(SplitPattern::qwen2, "\tx\t1\u3000z\u00A0") == Words{"\tx", "\t", "1", "\u3000z", "\u00A0"});
  CHECK(words(SplitPattern::gpt2, "\tx") == Words{"\t", "x"});
  CHECK(words(SplitPattern::qwen2, "\r\nx") == Words{"\r\n", "x"});
}

TEST_CASE("split: symbols take the line end along in GPT-4's pattern only") {
  CHECK(words(SplitPattern::qwen2, "a ++!\r\n\nb") == Words{"a", " ++!\r\n\n", "b"});
  CHECK(words(SplitPattern::gpt2, "a ++!\r\n\nb") == Words{"a", " ++!", "\r\n", "\n", "b"});
  CHECK(words(SplitPattern::qwen2, "(x)$y$") == Words{"(x", ")$", "y", "$"});
}

TEST_CASE("split: words leave nothing out") {
  std::string const parts[] = {"a", "1", " ", "\n", "'", "s", "!", "\u00E9", "\u3000", "\U0001F600"};
  for (SplitPattern const pattern : {SplitPattern::gpt2, SplitPattern::qwen2, SplitPattern::llama3}) {
    for (int n = 0; n < 10'000; ++n) {
      std::string const text = parts[n % 10] + parts[n / 10 % 10] + parts[n / 100 % 10] + parts[n / 1000];
      std::string joined;
      for (std::string const& word : words(pattern, text)) {
        if (word.empty()) FAIL("empty word in " << text);
        joined += word;
      }
      if (joined != text) FAIL(text << " became " << joined);
    }
  }
}
