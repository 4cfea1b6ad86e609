// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/stop_strings.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using grove::nn::cpu::StopStrings;

namespace {

// Feeds the text in pieces of `length` bytes; the place of the cut or npos.
std::size_t find_in_pieces(StopStrings const& stops, std::string_view text, std::size_t length) {
  for (std::size_t known = 0; known < text.size(); known += length) {
    std::size_t const cut = stops.find(text.substr(0, known + length), known);
    if (cut != std::string_view::npos) return cut;
  }
  return std::string_view::npos;
}

}  // namespace

TEST_CASE("stop strings: found wherever the borders of the pieces fall") {
  StopStrings const stops({"</answer>", "\n\n"});
  std::string const text = "a<</an</answer> and \n\n more";
  for (std::size_t length = 1; length <= text.size(); ++length) {
    INFO(length);
    // In pieces so large that both arrive at once the first one still counts.
    CHECK(find_in_pieces(stops, text, length) == 6);
  }
  CHECK(find_in_pieces(stops, "</answer", 3) == std::string_view::npos);
  CHECK(find_in_pieces(stops, "x\n \n", 1) == std::string_view::npos);
}

TEST_CASE("stop strings: of several that end in one piece the one that begins first cuts") {
  StopStrings const stops({"cd", "abcde", "zabc"});
  CHECK(stops.find("xxabcdef", 6) == 2);  // "cd" was complete before the piece; "abcde" ends in it
  CHECK(stops.find("xxabcdef", 0) == 2);
  CHECK(find_in_pieces(stops, "xxabcdef", 1) == 4);  // byte by byte "cd" completes first
}

TEST_CASE("stop strings: what ended earlier or repeats does not count") {
  StopStrings const stops({"aa"});
  CHECK(stops.find("aab", 2) == std::string_view::npos);
  CHECK(stops.find("aaa", 2) == 1);  // overlaps what was known, ends in what is new
  CHECK(stops.find("", 0) == std::string_view::npos);
  CHECK(stops.find("aa", 2) == std::string_view::npos);
  CHECK(StopStrings().find("aa", 0) == std::string_view::npos);
}

TEST_CASE("stop strings: an empty one is refused") {
  CHECK(StopStrings().empty());
  CHECK_FALSE(StopStrings({"x"}).empty());
  REQUIRE_THROWS_AS(StopStrings({"x", ""}), grove::Error);
}
