// SPDX-License-Identifier: Apache-2.0
#include "grove/text/added_tokens.hpp"

#include <algorithm>
#include <cstring>

#include "grove/text/unicode.hpp"

namespace grove::text::detail {
namespace {

std::uint32_t child(std::vector<std::pair<unsigned char, std::uint32_t>> const& children, unsigned char byte) {
  auto const at = std::lower_bound(children.begin(), children.end(), byte,
                                   [](auto const& entry, unsigned char b) { return entry.first < b; });
  return at != children.end() && at->first == byte ? at->second : 0;
}

bool is(CharClass wanted, CodePoint c) { return (char_classes()[c.value] & wanted) != 0; }

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), nodes_(1) {
  for (std::size_t t = 0; t < tokens_.size(); ++t) {
    std::uint32_t node = 0;
    for (unsigned char const byte : tokens_[t].content) {
      std::uint32_t next = child(nodes_[node].children, byte);
      if (next == 0) {
        next = static_cast<std::uint32_t>(nodes_.size());
        auto& children = nodes_[node].children;
        children.insert(std::upper_bound(children.begin(), children.end(), std::pair(byte, 0U)), {byte, next});
        nodes_.emplace_back();
      }
      node = next;
    }
    nodes_[node].token = static_cast<std::int32_t>(t);
  }
  for (auto const& entry : nodes_[0].children) first_[entry.first] = true;
  if (nodes_[0].children.size() == 1) only_first_ = nodes_[0].children[0].first;
}

std::size_t AddedTokenFinder::next_candidate(std::string_view sentence, std::size_t from) const {
  if (only_first_ >= 0) {
    void const* const at = std::memchr(sentence.data() + from, only_first_, sentence.size() - from);
    return at == nullptr ? sentence.size() : static_cast<std::size_t>(static_cast<char const*>(at) - sentence.data());
  }
  while (from < sentence.size() && !first_[static_cast<unsigned char>(sentence[from])]) ++from;
  return from;
}

AddedTokenFinder::Match AddedTokenFinder::find(std::string_view sentence, std::size_t from) const {
  if (tokens_.empty()) return {nullptr, 0, 0};
  for (; (from = next_candidate(sentence, from)) < sentence.size(); ++from) {
    Match longest{nullptr, from, from};
    std::uint32_t node = 0;
    for (std::size_t i = from; i < sentence.size(); ++i) {
      node = child(nodes_[node].children, static_cast<unsigned char>(sentence[i]));
      if (node == 0) break;
      std::int32_t const token = nodes_[node].token;
      if (token >= 0) longest = {&tokens_[static_cast<std::size_t>(token)], from, i + 1};
    }
    if (longest.token != nullptr) return longest;
  }
  return {nullptr, 0, 0};
}

bool AddedTokenFinder::stands_alone(std::string_view sentence, Match const& match) {
  char const* const text = sentence.data();
  bool const joined_before = match.begin > 0 && is(word, decode_valid_before(text + match.begin));
  bool const joined_after = match.end < sentence.size() && is(word, decode_valid(text + match.end));
  return !joined_before && !joined_after;
}

/// The part of the sentence a match uses up. White space that the match before took stays its own, but the token
/// counts even if it stands in that white space.
std::pair<std::size_t, std::size_t> AddedTokenFinder::widen(std::string_view sentence, Match const& match,
                                                            std::size_t done) {
  auto [token, begin, end] = match;
  if (token->lstrip) {
    while (begin > 0) {
      CodePoint const before = decode_valid_before(sentence.data() + begin);
      if (!is(space, before)) break;
      begin -= before.size;
    }
    begin = std::max(begin, done);
  }
  if (token->rstrip) {
    while (end < sentence.size()) {
      CodePoint const after = decode_valid(sentence.data() + end);
      if (!is(space, after)) break;
      end += after.size;
    }
  }
  return {begin, end};
}

}  // namespace grove::text::detail
