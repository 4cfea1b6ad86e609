// SPDX-License-Identifier: Apache-2.0
#include "grove/text/bpe.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "support/catch.hpp"
#include "text/failure.hpp"

using grove::TokenId;
using grove::text::detail::Bpe;
using grove::text::detail::WordTable;

namespace {

/// A vocabulary of single letters and of what random merges of known words make, and the slow way to apply it.
struct Toy {
  std::vector<std::string> words;
  std::map<std::string, TokenId> ids;
  std::vector<Bpe::Merge> merges;

  explicit Toy(std::string const& letters) {
    for (char const c : letters) add(std::string(1, c));
  }

  TokenId add(std::string const& word) {
    auto const [at, added] = ids.emplace(word, static_cast<TokenId>(words.size()));
    if (added) words.push_back(word);
    return at->second;
  }

  bool has_merge(std::string const& left, std::string const& right) const {
    return std::any_of(merges.begin(), merges.end(), [&](Bpe::Merge const& merge) {
      return merge.left == ids.at(left) && merge.right == ids.at(right);
    });
  }

  void merge(std::string const& left, std::string const& right) {
    merges.push_back({ids.at(left), ids.at(right), add(left + right)});
  }

  Bpe build(Bpe::Options options = {}) const {
    WordTable table(words.size(), words.size());
    for (auto const& [word, id] : ids) REQUIRE(table.insert(word, id));
    return {std::move(table), merges, options};
  }

  std::vector<TokenId> slowly(std::string const& word) const {
    std::vector<TokenId> tokens;
    for (char const c : word) tokens.push_back(ids.at(std::string(1, c)));
    while (true) {
      std::size_t best = merges.size(), at = 0;
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        for (std::size_t rank = 0; rank < best; ++rank) {
          if (merges[rank].left == tokens[i] && merges[rank].right == tokens[i + 1]) best = rank, at = i;
        }
      }
      if (best == merges.size()) return tokens;
      tokens[at] = merges[best].result;
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
  }
};

std::vector<TokenId> encode(Bpe const& bpe, std::string const& word) {
  std::vector<TokenId> out;
  bpe.encode_word(word, word.data() + word.size(), out);
  return out;
}

}  // namespace

TEST_CASE("bpe: lowest rank first, of equal pairs the leftmost") {
  Toy toy("abc");
  toy.merge("b", "c");
  toy.merge("a", "b");
  toy.merge("a", "a");
  Bpe const bpe = toy.build();
  CHECK(encode(bpe, "abc") == std::vector<TokenId>{0, toy.ids.at("bc")});
  CHECK(encode(bpe, "aaa") == std::vector<TokenId>{toy.ids.at("aa"), 0});
  CHECK(encode(bpe, "aab") == std::vector<TokenId>{0, toy.ids.at("ab")});
}

TEST_CASE("bpe: a word of the vocabulary that the merges do not make") {
  Toy toy("abc");
  toy.merge("b", "c");
  toy.merge("a", "b");
  TokenId const abc = toy.add("abc");
  CHECK(encode(toy.build(), "abc") == std::vector<TokenId>{0, toy.ids.at("bc")});
  CHECK(encode(toy.build({.ignore_merges = true}), "abc") == std::vector<TokenId>{abc});
}

TEST_CASE("bpe: of a pair listed twice the last rank counts") {
  Toy toy("abc");
  toy.merge("a", "b");
  toy.merge("b", "c");
  toy.merge("a", "b");
  CHECK(encode(toy.build(), "abc") == std::vector<TokenId>{0, toy.ids.at("bc")});
}

TEST_CASE("bpe: bytes without a token") {
  Toy toy("ab?");
  toy.merge("a", "b");
  CHECK(failure([&] { encode(toy.build(), "axb"); }).find("byte 120") != std::string::npos);
  CHECK(encode(toy.build({.unknown = 2}), "xxabx") == std::vector<TokenId>{2, 2, 3, 2});
  CHECK(encode(toy.build({.unknown = 2, .fuse_unknown = true}), "xxabx") == std::vector<TokenId>{2, 3, 2});
}

TEST_CASE("bpe: words of any length, short and long way, equal the slow way") {
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    Toy toy("abcd");
    for (int i = 0; i < 60; ++i) {
      std::string const left = toy.words[random() % toy.words.size()], right = toy.words[random() % toy.words.size()];
      if (left.size() + right.size() <= 20 && !toy.has_merge(left, right)) toy.merge(left, right);
    }
    Bpe const bpe = toy.build();
    for (int i = 0; i < 60; ++i) {
      std::string word;
      std::size_t const size = 1 + random() % (i % 3 == 0 ? 150 : 60);
      while (word.size() < size)
        word += i % 2 == 0 ? std::string(1, "abcd"[random() % 4]) : toy.words[random() % toy.words.size()];
      CHECK(encode(bpe, word) == toy.slowly(word));
      CHECK(encode(bpe, word.substr(0, 48)) == toy.slowly(word.substr(0, 48)));
    }
  }
}

TEST_CASE("bpe: a word of a megabyte takes no quadratic time") {
  Toy toy("ab");
  toy.merge("a", "a");
  toy.merge("aa", "aa");
  std::vector<TokenId> const tokens = encode(toy.build(), std::string(1 << 20, 'a'));
  CHECK(tokens == std::vector<TokenId>(1 << 18, toy.ids.at("aaaa")));
}

TEST_CASE("word table: found wherever it stands in a buffer, short and long words") {
  WordTable table(300, 300);
  std::vector<std::string> words;
  for (std::size_t size = 1; size <= 40; ++size) {
    for (char const c : {'a', '\0', '\xFF'}) words.push_back(std::string(size, c));
    words.push_back(std::string(size - 1, 'q') + "r");
  }
  for (std::size_t i = 0; i < words.size(); ++i) REQUIRE(table.insert(words[i], static_cast<TokenId>(i)));
  for (std::size_t i = 0; i < words.size(); ++i) {
    CHECK(!table.insert(words[i], 9999));
    for (std::size_t const after : {0, 1, 8, 20}) {
      std::string const buffer = words[i] + std::string(after, 'z');
      WordTable::Entry const* const entry = table.find({buffer.data(), words[i].size()}, buffer.data() + buffer.size());
      REQUIRE(entry != nullptr);
      CHECK(entry->id == static_cast<TokenId>(i));
    }
  }
  CHECK(table.find("") == nullptr);
  CHECK(table.find("b") == nullptr);
  CHECK(table.find(std::string(41, 'a')) == nullptr);
}
