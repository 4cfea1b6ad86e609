// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_session.hpp"

#include <string>
#include <thread>

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "grove/nn/cpu/vocab.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;
using Catch::Matchers::Contains;

namespace {

template <class Variant>
struct Model {
  Model() : config(small_config<Variant>()), pool(2), decoder(config), workspace(pool) {
    decoder.load(random_parameters(config), 1, pool, Use::Inference);
  }
  [[nodiscard]] std::size_t vocab() const { return config.vocab_size; }

  io::ModelConfig config;
  ThreadPool pool;
  Decoder<Variant> decoder;
  Workspace workspace;
};

float log_prob(std::span<float const> logits, TokenId token) {
  return softmax(logits, 1).log_prob(logits[static_cast<std::size_t>(token)]);
}

// Feeds the sequences token by token after prompts of `prompt` tokens and returns the log-prob of every later token, in
// the order of the batch's rows; those within prompts are 0.
template <class Variant>
std::vector<float> decode(Model<Variant> const& model, Batch const& batch, std::size_t prompt, ThreadPool* pool) {
  DecodeSession<Variant> session(model.decoder, pool);
  std::size_t const sequences = batch.starts.size() - 1;
  std::vector<float> result(batch.rows.size(), 0);
  Batch prompts;
  for (std::size_t s = 0; s < sequences; ++s) {
    auto sequence = batch.sequence(s);
    sequence.resize(std::min(prompt, sequence.size()));
    prompts.add(sequence);
  }
  std::vector<typename DecodeSession<Variant>::Slot> slots(sequences);
  std::vector<float> logits(sequences * model.vocab());
  session.prefill(prompts.packed(), slots, logits);
  std::vector<std::size_t> going(sequences);
  for (std::size_t s = 0; s < sequences; ++s) going[s] = s;
  for (std::size_t at = prompt; !going.empty(); ++at) {
    std::vector<typename DecodeSession<Variant>::Slot> step_slots;
    std::vector<TokenId> tokens;
    std::vector<std::size_t> next;
    for (std::size_t i = 0; i < going.size(); ++i) {
      std::size_t const s = going[i];
      if (batch.starts[s] + at >= batch.starts[s + 1]) {
        session.release(slots[s]);
        continue;
      }
      TokenId const token = batch.tokens[batch.starts[s] + at];
      auto const row = std::span<float const>(logits).subspan(i * model.vocab(), model.vocab());
      result[batch.starts[s] + at - 1 - s] = log_prob(row, token);  // every sequence has one token without a row
      step_slots.push_back(slots[s]);
      tokens.push_back(token);
      next.push_back(s);
    }
    going = next;
    if (!going.empty()) session.step(step_slots, tokens, std::span(logits).first(going.size() * model.vocab()));
  }
  CHECK(session.cache().pages_in_use() == 0);
  return result;
}

}  // namespace

TEMPLATE_TEST_CASE("Decoding has the bits of the packed forward pass", "", Qwen2, Qwen3, Llama) {
  Model<TestType> model;
  auto const batch = random_batch(GENERATE(1U, 17U, 150U), 60, model.vocab());
  auto const expected = score(model.decoder, batch, model.workspace).log_prob;
  for (std::size_t prompt : {1U, 5U, 16U, 33U}) {
    for (bool shared : {false, true}) {
      auto const decoded = decode(model, batch, prompt, shared ? &model.pool : nullptr);
      for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s) {
        for (std::size_t i = batch.starts[s] + prompt; i < batch.starts[s + 1]; ++i) {
          REQUIRE(decoded[i - 1 - s] == expected[i - 1 - s]);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("Prompts in pieces have the bits of whole ones", "", Qwen2, Qwen3, Llama) {
  Model<TestType> model;
  auto const batch = random_batch(5, 60, model.vocab());
  std::size_t const sequences = batch.starts.size() - 1;
  std::vector<KvCache::Slot> slots(sequences);
  std::vector<float> expected(sequences * model.vocab());
  DecodeSession<TestType> whole(model.decoder);
  whole.prefill(batch.packed(), slots, expected);
  for (std::size_t const piece : {1U, 5U, 16U, 33U}) {
    for (bool const shared : {false, true}) {
      DecodeSession<TestType> session(model.decoder, shared ? &model.pool : nullptr);
      std::vector<float> logits(model.vocab());
      for (std::size_t s = 0; s < sequences; ++s) {
        auto const other = session.open();  // something else beside it, whose logits are not wanted
        auto const slot = session.open();
        auto const sequence = batch.sequence(s);
        for (std::size_t at = 0; at < sequence.size(); at += piece) {
          Batch part;
          part.add({sequence.begin() + static_cast<long>(at),
                    sequence.begin() + static_cast<long>(std::min(at + piece, sequence.size()))});
          part.add({7, 8});
          session.append(part.packed(), std::vector{slot, other}, logits);
        }
        CAPTURE(piece, shared, s);
        REQUIRE(std::ranges::equal(logits, std::span(expected).subspan(s * model.vocab(), model.vocab())));
      }
    }
  }
}

TEST_CASE("Forks share full pages, copy the last one and go their own ways") {
  Model<Qwen2> model;
  DecodeSession<Qwen2> session(model.decoder);
  Batch batch;
  std::vector<TokenId> shared(37);
  for (std::size_t i = 0; i < shared.size(); ++i) shared[i] = static_cast<TokenId>(i * 7 % 67);
  batch.add(shared);
  std::vector<KvCache::Slot> slots(1);
  session.prefill(batch.packed(), slots, {});
  CHECK(session.cache().pages_in_use() == 3);
  slots.push_back(session.fork(slots[0]));
  slots.push_back(session.fork(slots[0]));
  CHECK(session.cache().pages_in_use() == 5);
  session.release(slots[0]);
  CHECK(session.cache().pages_in_use() == 4);
  slots.erase(slots.begin());

  std::vector<std::vector<TokenId>> sequences(2, shared);
  std::vector<float> logits(2 * model.vocab());
  for (TokenId step = 0; step < 20; ++step) {
    std::vector<TokenId> const tokens{step, static_cast<TokenId>(66 - step)};
    session.step(slots, tokens, logits);
    for (std::size_t i = 0; i < 2; ++i) sequences[i].push_back(tokens[i]);
  }
  CHECK(session.length(slots[0]) == 57);
  for (std::size_t i = 0; i < 2; ++i) {
    sequences[i].push_back(3);
    Batch whole;
    whole.add(sequences[i]);
    auto const expected = score(model.decoder, whole, model.workspace).log_prob.back();
    CHECK(log_prob(std::span<float const>(logits).subspan(i * model.vocab(), model.vocab()), 3) == expected);
  }
  for (auto slot : slots) session.release(slot);
  CHECK(session.cache().pages_in_use() == 0);
}

TEST_CASE("Sessions on several threads use one decoder") {
  Model<Qwen3> model;
  auto const batch = random_batch(20, 50, model.vocab());
  auto const expected = decode(model, batch, 4, nullptr);
  std::vector<std::vector<float>> results(3);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) threads.emplace_back([&] { result = decode(model, batch, 4, nullptr); });
  }
  for (auto const& result : results) CHECK(result == expected);
}

TEST_CASE("A session refuses what it cannot compute, and stays as it was") {
  Model<Llama> model;
  DecodeSession<Llama> session(model.decoder);
  Batch batch;
  batch.add({1, 2, 3});
  std::vector<KvCache::Slot> slots(1);
  std::vector<float> logits(model.vocab());
  Batch bad;
  bad.add({1, 67});
  CHECK_THROWS_WITH(session.prefill(bad.packed(), slots, logits), Contains("token id 67"));
  CHECK_THROWS_WITH(session.prefill(batch.packed(), {}, logits), Contains("one for each prompt"));
  CHECK_THROWS_WITH(session.prefill(batch.packed(), slots, std::span(logits).first(9)), Contains("places for logits"));
  CHECK(session.cache().pages_in_use() == 0);
  session.prefill(batch.packed(), slots, logits);
  std::vector<TokenId> const tokens{5, -1};
  CHECK_THROWS_WITH(session.step(slots, std::span(tokens).last(1), logits), Contains("token id -1"));
  CHECK_THROWS_WITH(session.step(slots, std::span(tokens).first(0), logits), Contains("slots"));
  std::vector<KvCache::Slot> const unknown{9};
  CHECK_THROWS_WITH(session.step(unknown, std::span(tokens).first(1), logits), Contains("slot 9 is not in use"));
  CHECK(session.length(slots[0]) == 3);
  session.release(slots[0]);
  CHECK_THROWS_WITH(session.release(slots[0]), Contains("not in use"));
  CHECK_THROWS_WITH(session.fork(slots[0]), Contains("not in use"));
  Decoder<Llama> const empty(model.config);
  DecodeSession<Llama> nothing(empty);
  CHECK_THROWS_WITH(nothing.prefill(batch.packed(), slots, logits), Contains("no weights"));
}

TEST_CASE("a key/value cache gives its memory back when no sequence is left, and works on") {
  KvCache cache({.layers = 2, .kv_heads = 2, .head_dim = 16});
  auto const fill = [&] {
    auto const slot = cache.open();
    cache.extend(slot, 40);
    CHECK(cache.pages_in_use() == 3);
    for (float const* page : cache.pages(slot)) CHECK(page[0] == 0);
    cache.pages(slot)[0][0] = 1;
    return slot;
  };
  auto const slot = fill();
  cache.trim(0);  // a sequence is open: nothing happens
  CHECK(cache.pages(slot)[0][0] == 1);
  cache.close(slot);
  cache.trim(0);
  cache.close(fill());
  cache.trim(std::size_t{1} << 30U);
  cache.close(fill());
}

TEST_CASE("a key/value cache has a bound, which refuses what is beyond and changes nothing") {
  KvShape const shape{.layers = 2, .kv_heads = 2, .head_dim = 16};
  KvCache cache(shape);
  CHECK(shape.page_bytes() == 2 * 2 * 16 * (16 + 16) * sizeof(float));
  cache.limit(5);
  auto const first = cache.open();
  cache.extend(first, 40);
  CHECK(cache.free_pages() == 2);
  CHECK(cache.extend_pages(first, 8) == 0);
  CHECK(cache.extend_pages(first, 9) == 1);
  CHECK(cache.fork_pages(first) == 1);
  CHECK_THROWS_WITH(cache.limit(9), Contains("sequences are open"));
  auto const second = cache.fork(first);
  CHECK_THROWS_WITH(cache.extend(second, 40), Contains("2 more pages; expected at most the 1 that are free of 5"));
  CHECK(cache.length(second) == 40);
  cache.extend(second, 23);
  CHECK(cache.free_pages() == 0);
  CHECK_THROWS_WITH(cache.fork(second), Contains("1 more pages; expected at most the 0 that are free"));
  cache.close(first);
  CHECK(cache.free_pages() == 1);
  cache.close(second);
  cache.limit(2);
  auto const third = cache.open();
  cache.extend(third, 32);
  CHECK_THROWS_WITH(cache.extend(third, 1), Contains("are free of 2"));
  cache.close(third);
  cache.limit(0);
  cache.extend(cache.open(), 1000);
}
