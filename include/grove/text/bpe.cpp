// SPDX-License-Identifier: Apache-2.0
#include "grove/text/bpe.hpp"

#include <algorithm>
#include <bit>
#include <queue>
#include <string>
#include <utility>

#include "grove/error.hpp"

namespace grove::text::detail {

Bpe::Bpe(WordTable words, std::vector<Merge> const& merges, Options options)
    : words_(std::move(words)), options_(options) {
  insert_pairs(merges);
  index_bytes();
  find_whole_words();
}

void Bpe::insert_pairs(std::vector<Merge> const& merges) {
  pairs_.resize(std::bit_ceil(merges.size() + merges.size() / 3 + 2));
  pair_mask_ = pairs_.size() - 1;
  pair_shift_ = 64 - std::countr_zero(pairs_.size());
  Candidate rank = 0;
  for (Merge const& merge : merges) {
    std::uint64_t const key = pair_key(merge.left, merge.right);
    std::size_t i = pair_hash(key);
    while (pairs_[i].candidate != none && pairs_[i].key != key) i = (i + 1) & pair_mask_;
    pairs_[i] = {key, rank++ << 32 | static_cast<std::uint32_t>(merge.result)};
  }
}

void Bpe::index_bytes() {
  bool complete = true;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    WordTable::Entry const* const entry = words_.find({&c, 1});
    bytes_[byte] = entry != nullptr ? entry->id : -1;
    complete = complete && entry != nullptr;
  }
  if (!complete) return;
  byte_pairs_.reserve(std::size_t{256} * 256);
  for (TokenId const left : bytes_) {
    for (TokenId const right : bytes_) byte_pairs_.push_back(candidate(left, right));
  }
}

/// Which words of the vocabulary the merges really make: those need no merging when they are met.
void Bpe::find_whole_words() {
  std::vector<TokenId> tokens;
  words_.for_each([&](std::string_view word, WordTable::Entry& entry) {
    bool whole = options_.ignore_merges;
    if (!whole && std::all_of(word.begin(), word.end(), [&](unsigned char c) { return bytes_[c] >= 0; })) {
      tokens.clear();
      merge_word(word, tokens);
      whole = tokens.size() == 1 && tokens[0] == entry.id;
    }
    entry.whole = whole;
  });
}

/// Writes at most one symbol a byte and returns how many.
std::size_t Bpe::byte_tokens(std::string_view word, TokenId* symbols) const {
  std::size_t count = 0;
  bool after_unknown = false;
  for (unsigned char const byte : word) {
    TokenId const id = bytes_[byte];
    if (id < 0 && options_.unknown < 0) {
      throw Error("encode", "the vocabulary has no token for byte " + std::to_string(byte) + " of the text",
                  "all 256 bytes or an unk_token");
    }
    if (id < 0 && after_unknown && options_.fuse_unknown) continue;
    after_unknown = id < 0;
    symbols[count++] = id < 0 ? options_.unknown : id;
  }
  return count;
}

void Bpe::merge_word(std::string_view word, std::vector<TokenId>& out) const {
  if (word.size() <= short_word) return merge_short(word, out);
  std::vector<TokenId> symbols(word.size());
  symbols.resize(byte_tokens(word, symbols.data()));
  merge_long(symbols, out);
}

/// Looks through all pairs for each merge, which is the fastest for few.
void Bpe::merge_short(std::string_view word, std::vector<TokenId>& out) const {
  TokenId symbols[short_word];
  Candidate candidates[short_word];
  std::size_t count = byte_tokens(word, symbols);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    candidates[i] = byte_pairs_.empty() ? candidate(symbols[i], symbols[i + 1])
                                        : byte_pairs_[static_cast<unsigned char>(word[i]) * std::size_t{256} +
                                                      static_cast<unsigned char>(word[i + 1])];
  }
  while (count > 1) {
    std::size_t const pairs = count - 1;
    std::size_t best = 0;
    for (std::size_t i = 1; i < pairs; ++i) {
      if (candidates[i] < candidates[best]) best = i;
    }
    if (candidates[best] == none) break;
    symbols[best] = result(candidates[best]);
    std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
    if (best + 1 < pairs) std::copy(candidates + best + 2, candidates + pairs, candidates + best + 1);
    --count;
    if (best > 0) candidates[best - 1] = candidate(symbols[best - 1], symbols[best]);
    if (best + 1 < count) candidates[best] = candidate(symbols[best], symbols[best + 1]);
  }
  out.insert(out.end(), symbols, symbols + count);
}

/// The same with a heap, for words of any length in n log n. A candidate whose pair has changed since is skipped:
/// its result would not be what the pair now makes, for results grow with every merge.
void Bpe::merge_long(std::vector<TokenId> const& symbols, std::vector<TokenId>& out) const {
  constexpr std::uint32_t gone = 0xFFFFFFFF;
  auto const count = static_cast<std::uint32_t>(symbols.size());
  struct Node {
    TokenId id;
    std::uint32_t previous, next;  ///< `gone`: none. A merged-away node has id -1.
  };
  std::vector<Node> nodes(count);
  for (std::uint32_t i = 0; i < count; ++i) nodes[i] = {symbols[i], i - 1, i + 1 < count ? i + 1 : gone};

  using Step = std::pair<Candidate, std::uint32_t>;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> steps;
  auto const offer = [&](std::uint32_t i) {
    if (i == gone || nodes[i].next == gone) return;
    Candidate const c = candidate(nodes[i].id, nodes[nodes[i].next].id);
    if (c != none) steps.emplace(c, i);
  };
  for (std::uint32_t i = 0; i < count; ++i) offer(i);
  while (!steps.empty()) {
    auto const [step, i] = steps.top();
    steps.pop();
    Node& node = nodes[i];
    if (node.id < 0 || node.next == gone) continue;
    Node& right = nodes[node.next];
    Candidate const now = candidate(node.id, right.id);
    if (now == none || result(now) != result(step)) continue;
    node.id = result(step);
    node.next = right.next;
    right.id = -1;
    if (node.next != gone) nodes[node.next].previous = i;
    offer(node.previous);
    offer(i);
  }
  for (std::uint32_t i = 0; i != gone; i = nodes[i].next) out.push_back(nodes[i].id);
}

}  // namespace grove::text::detail
