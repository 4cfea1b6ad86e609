// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/early_end.hpp"
#include "grove/nn/cpu/generation_worker.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

using namespace grove::nn::cpu;
using grove::Completion;
using grove::Finish;
using grove::TokenId;

namespace {

constexpr std::size_t vocabulary = 83;

template <class Variant>
grove::io::ModelConfig small_config() {
  grove::io::ModelConfig config;
  config.architecture = Variant::qk_norm    ? grove::io::Architecture::Qwen3
                        : Variant::qkv_bias ? grove::io::Architecture::Qwen2
                                            : grove::io::Architecture::Llama;
  config.vocab_size = vocabulary;
  config.hidden_size = 48;
  config.intermediate_size = 80;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 12;
  config.max_position_embeddings = 96;
  config.tie_word_embeddings = true;
  config.qkv_bias = Variant::qkv_bias;
  config.qk_norm = Variant::qk_norm;
  config.windows.resize(config.layers);
  return config;
}

/// A decoder with random weights, large enough for distributions that are far from flat.
template <class Variant>
struct Model {
  explicit Model(std::size_t threads = 1) : pool(threads), decoder(small_config<Variant>()), generator(decoder, pool) {
    Parameters parameters(small_config<Variant>());
    parameters.initialise(3);
    for (float& x : parameters["model.embed_tokens.weight"]) x *= 12;
    decoder.load(parameters, 41, pool, Use::Inference);
  }

  ThreadPool pool;
  Decoder<Variant> decoder;
  Generator<Variant> generator;
};

struct Prompt {
  std::uint64_t id = 0;
  std::vector<TokenId> tokens;
};

std::vector<Prompt> make_prompts(std::size_t count) {
  std::vector<Prompt> prompts(count);
  for (std::size_t i = 0; i < count; ++i) {
    grove::RandomSequence random(grove::RandomStream({.seed = 1, .purpose = grove::Purpose::Data}), i);
    prompts[i].id = 7 * i + 2;
    prompts[i].tokens.resize(1 + random.below(30));
    for (TokenId& token : prompts[i].tokens) token = static_cast<TokenId>(random.below(vocabulary));
  }
  return prompts;
}

std::vector<GenerationRequest> requests_of(std::span<Prompt const> prompts, std::uint32_t samples = 1) {
  std::vector<GenerationRequest> requests;
  for (Prompt const& prompt : prompts)
    requests.push_back({.id = prompt.id, .prompt = prompt.tokens, .samples = samples});
  return requests;
}

using Completions = std::map<std::pair<std::uint64_t, std::uint32_t>, Completion>;

template <class Variant>
Completions generate(Model<Variant>& model, std::span<GenerationRequest const> requests,
                     GenerationOptions const& options) {
  Completions completions;
  model.generator.generate(requests, options, [&](GeneratedCompletion&& done) {
    completions.emplace(std::pair(done.id, done.sample), std::move(done.completion));
  });
  return completions;
}

/// Every one of `some` is in `all` with the same bits.
bool agree(Completions const& some, Completions const& all) {
  return std::ranges::all_of(some, [&](auto const& entry) {
    auto const& [place, a] = entry;
    Completion const& b = all.at(place);
    return std::tie(a.tokens, a.log_probs, a.kept_mass, a.versions, a.finish, a.text) ==
           std::tie(b.tokens, b.log_probs, b.kept_mass, b.versions, b.finish, b.text);
  });
}

std::string message_of(auto&& f) {
  try {
    f();
  } catch (grove::Error const& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("generation: 1, 2, 17 and 300 sequences on 1 and 2 threads give the same bits") {
  auto const prompts = make_prompts(300);
  GenerationOptions const options{
      .sampling = {.temperature = 0.9, .top_p = 0.95}, .max_tokens = 20, .stop_tokens = {5, 6}, .key = {.seed = 77}};
  Model<Qwen2> reference_model;
  auto const reference = generate(reference_model, requests_of(prompts), options);
  REQUIRE(reference.size() == 300);
  for (std::size_t const threads : {1UL, 2UL}) {
    Model<Qwen2> model(threads);
    for (std::size_t const count : {1UL, 2UL, 17UL, 300UL}) {
      for (std::size_t const begin : {std::size_t{0}, 300 - count}) {
        CAPTURE(threads, count, begin);
        auto const some = generate(model, requests_of(std::span(prompts).subspan(begin, count)), options);
        CHECK(some.size() == count);
        CHECK(agree(some, reference));
      }
    }
    for (std::size_t const batch : {1UL, 2UL, 3UL, 16UL, 100UL}) {
      CAPTURE(threads, batch);
      auto limited = options;
      limited.batch = batch;
      CHECK(agree(generate(model, requests_of(std::span(prompts).first(60)), limited), reference));
    }
    auto shuffled = requests_of(prompts);
    grove::RandomSequence random(grove::RandomStream({.seed = 4, .purpose = grove::Purpose::Shuffle}));
    grove::shuffle(std::span(shuffled), random);
    CHECK(agree(generate(model, shuffled, options), reference));
  }
}

TEST_CASE("generation: one session shared by all threads gives the bits of one session a thread") {
  auto const prompts = make_prompts(60);
  auto const requests = requests_of(prompts, 3);
  GenerationOptions const options{.max_tokens = 15, .stop_tokens = {5}, .key = {.seed = 9}};
  Model<Qwen2> model(2);
  auto const reference = generate(model, requests, options);
  for (std::size_t const width : {5UL, 150UL}) {  // fewer and more rows than a tile of two threads
    Completions completions;
    GenerationSink const sink = [&](GeneratedCompletion&& done) {
      completions.emplace(std::pair(done.id, done.sample), std::move(done.completion));
    };
    grove::nn::cpu::detail::GenerationJob job{
        .requests = requests,
        .options = options,
        .stops = StopStrings(),
        .random = grove::RandomStream(options.key),
        .context = 96,
        .vocabulary = vocabulary,
        .version = 41,
        .queue = grove::nn::cpu::detail::GenerationQueue(requests),
        .outlet = grove::nn::cpu::detail::GenerationOutlet(requests, Delivery::AsFinished, sink)};
    DecodeSession<Qwen2> session(model.decoder, &model.pool);
    grove::nn::cpu::detail::GenerationWorker(session, job, width, &model.pool).run();
    CHECK(completions.size() == 180);
    CHECK(agree(completions, reference));
    CHECK(session.cache().pages_in_use() == 0);
  }
}

TEST_CASE("generation: chunks of prompts, common beginnings and a bound of memory change no bit") {
  auto prompts = make_prompts(40);
  for (std::size_t i = 0; i < 30; ++i) {
    std::vector<TokenId> system(25 + 16 * (i / 10));  // three families of ten, then prompts of their own
    for (std::size_t k = 0; k < system.size(); ++k) system[k] = static_cast<TokenId>((k * k + i / 10) % vocabulary);
    prompts[i].tokens.insert(prompts[i].tokens.begin(), system.begin(), system.end());
    prompts[i].tokens.resize(std::min<std::size_t>(prompts[i].tokens.size(), 70));
  }
  auto const requests = requests_of(prompts, 4);
  GenerationOptions options{
      .sampling = {.temperature = 0.9}, .max_tokens = 26, .stop_tokens = {5, 6}, .key = {.seed = 3}};
  Model<Qwen2> reference_model;
  Completions reference;
  for (auto const& request : requests) {  // each alone, its prompt whole
    reference.merge(generate(reference_model, std::span(&request, 1), options));
  }
  REQUIRE(reference.size() == 160);
  std::size_t const page = reference_model.decoder.layout().kv.page_bytes();
  std::size_t const longest = KvShape::pages(70 + 26 - 1);
  for (std::size_t const threads : {1UL, 2UL}) {
    Model<Qwen2> model(threads);
    for (std::size_t const chunk : {1UL, 16UL, 37UL, 1024UL}) {
      for (std::size_t const pages : {longest, 2 * longest + 1, 40UL, 0UL}) {
        for (std::size_t const batch : {0UL, 3UL}) {
          CAPTURE(threads, chunk, pages, batch);
          options.prefill_chunk = chunk;
          options.kv_cache_bytes = pages * page + (pages == 0 ? 0 : page / 2);
          options.batch = batch;
          auto const all = generate(model, requests, options);
          CHECK(all.size() == 160);
          CHECK(agree(all, reference));
        }
      }
    }
  }
}

TEST_CASE("generation: samples of a group have the bits of the same samples alone") {
  auto const prompts = make_prompts(9);
  GenerationOptions const options{.max_tokens = 40, .stop_tokens = {1}, .key = {.seed = 5}};
  Model<Qwen2> model(2);
  auto const groups = generate(model, requests_of(prompts, 20), options);
  REQUIRE(groups.size() == 180);
  for (Prompt const& prompt : prompts) {
    for (std::uint32_t const sample : {0U, 7U, 19U}) {
      GenerationRequest const alone{.id = prompt.id, .prompt = prompt.tokens, .samples = 1, .first_sample = sample};
      CHECK(agree(generate(model, std::span(&alone, 1), options), groups));
    }
  }
  CHECK(groups.at({2, 0}).tokens != groups.at({2, 1}).tokens);
}

TEMPLATE_TEST_CASE("generation: log-probs are those of the scorer, bit for bit", "", Qwen2, Qwen3, Llama) {
  auto const prompts = make_prompts(40);
  Model<TestType> model(2);
  Workspace workspace(model.pool);
  for (double const temperature : {1.0, 0.6, 0.0}) {
    auto const completions = generate(model, requests_of(prompts),
                                      {.sampling = {.temperature = temperature, .top_k = 30}, .max_tokens = 25});
    std::vector<TokenId> tokens, targets;
    std::vector<std::size_t> cu_seqlens{0}, rows;
    std::vector<float> sampled;
    for (Prompt const& prompt : prompts) {
      Completion const& completion = completions.at({prompt.id, 0});
      for (std::size_t i = 0; i < completion.tokens.size(); ++i) {
        rows.push_back(tokens.size() + prompt.tokens.size() + i - 1);
        targets.push_back(completion.tokens[i]);
        sampled.push_back(completion.log_probs[i]);
      }
      tokens.insert(tokens.end(), prompt.tokens.begin(), prompt.tokens.end());
      tokens.insert(tokens.end(), completion.tokens.begin(), completion.tokens.end());
      cu_seqlens.push_back(tokens.size());
    }
    std::vector<float> scored(rows.size());
    HeadOutputs outputs;
    outputs.log_prob = scored;
    model.decoder.score(
        {.tokens = tokens, .cu_seqlens = cu_seqlens},
        {.rows = rows, .targets = targets, .temperature = static_cast<float>(temperature > 0 ? temperature : 1)},
        outputs, workspace);
    CAPTURE(temperature);
    CHECK(sampled.size() == 1000);
    CHECK(scored == sampled);
  }
}

TEST_CASE("generation: ends with the context at the latest") {
  Model<Qwen2> model;
  std::vector<TokenId> const prompt(90, 3);
  GenerationRequest const request{.id = 0, .prompt = prompt};
  auto const completions = generate(model, std::span(&request, 1), {.max_tokens = 50});
  CHECK(completions.at({0, 0}).tokens.size() == 6);
  CHECK(completions.at({0, 0}).finish == Finish::Length);
  CHECK(completions.at({0, 0}).versions == std::vector<std::uint64_t>(6, 41));
}

TEST_CASE("generation: a request's own limit ends its completions, and they are the beginnings of unlimited ones") {
  Model<Qwen2> model(2);
  auto const prompts = make_prompts(9);
  auto const collect = [&](bool limited) {
    std::vector<GenerationRequest> requests;
    for (std::size_t i = 0; i < prompts.size(); ++i)
      requests.push_back({.id = prompts[i].id, .prompt = prompts[i].tokens, .max_tokens = limited ? i : 0});
    std::vector<std::vector<TokenId>> tokens;
    model.generator.generate(requests, {.max_tokens = 6},
                             [&](GeneratedCompletion&& done) { tokens.push_back(done.completion.tokens); });
    return tokens;
  };
  auto const free = collect(false), limited = collect(true);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    REQUIRE(free[i].size() == 6);
    REQUIRE(limited[i].size() == (i == 0 ? 6 : std::min<std::size_t>(i, 6)));
    REQUIRE(std::equal(limited[i].begin(), limited[i].end(), free[i].begin()));
  }
}

TEST_CASE("generation: bad requests and options are refused before anything is generated") {
  Model<Qwen2> model;
  int received = 0;
  std::vector<TokenId> const good{1, 2}, empty, outside{1, 83}, negative{-1}, long_one(96, 1);
  auto const refusal = [&](std::vector<TokenId> const& bad, GenerationOptions const& options = {.max_tokens = 2}) {
    std::vector<GenerationRequest> const requests{{.id = 0, .prompt = good}, {.id = 13, .prompt = bad}};
    std::string const checked = message_of([&] { model.generator.check(requests[1], options); });
    std::string const message =
        message_of([&] { model.generator.generate(requests, options, [&](GeneratedCompletion&&) { ++received; }); });
    CHECK(message == checked);
    return message;
  };
  CHECK(refusal(empty) == "prompt of id 13: is empty; expected at least one token");
  CHECK(refusal(outside) == "prompt of id 13: holds token 83; expected ids from 0 to 82");
  CHECK(refusal(negative) == "prompt of id 13: holds token -1; expected ids from 0 to 82");
  CHECK(refusal(long_one) == "prompt of id 13: has 96 tokens; expected fewer than the model's context of 96");
  CHECK(refusal(good, {.max_tokens = 0}) == "max_tokens: is 0; expected at least 1");
  CHECK(refusal(good, {.prefill_chunk = 0}) == "prefill_chunk: is 0; expected at least 1 token");
  auto const memory = refusal(std::vector<TokenId>(60, 1), {.max_tokens = 2, .kv_cache_bytes = 20000});
  CHECK(memory ==
        "prompt of id 13: could grow to 61 tokens, whose keys and values take 28672 bytes; expected at most "
        "kv_cache_bytes, 20000; raise kv_cache_bytes or lower max_tokens");
  CHECK(refusal(good, {.stop_strings = {"x"}}).find("stop strings: cannot be found without text") == 0);
  CHECK(refusal(good, {.stop_strings = {""}}).find("stop string: is empty") == 0);
  CHECK(refusal(good, {.sampling = {.top_p = 2}}).find("top_p: is 2") == 0);
  CHECK(received == 0);
  CHECK(refusal(good) == "no error");
  CHECK(received == 2);
}

TEST_CASE("generation: an exception of the sink comes out and leaves the generator usable") {
  auto const prompts = make_prompts(100);
  auto const requests = requests_of(prompts);
  GenerationOptions const options{.max_tokens = 8};
  for (std::size_t const threads : {1UL, 2UL}) {
    Model<Qwen2> model(threads);
    auto const reference = generate(model, requests, options);
    int received = 0;
    auto const sink = [&](GeneratedCompletion&&) {
      if (++received == 70) throw std::runtime_error("disk full");
    };
    REQUIRE_THROWS_WITH(model.generator.generate(requests, options, sink), "disk full");
    CHECK(received == 70);
    CHECK(agree(generate(model, requests, options), reference));
    auto const few = std::span(requests).first(3);
    REQUIRE_THROWS_AS(
        model.generator.generate(few, options, [](GeneratedCompletion&&) { throw std::runtime_error("again"); }),
        std::runtime_error);
    CHECK(agree(generate(model, few, options), reference));
  }
}

TEST_CASE("generation: requests that are ended leave the others their bits, on any number of threads") {
  auto const prompts = make_prompts(20);
  GenerationOptions options{.max_tokens = 30, .key = {.seed = 77}};
  for (TokenId token = 0; token < 12; ++token) options.stop_tokens.push_back(token);  // lengths differ
  Model<Qwen2> reference_model;
  auto const reference = generate(reference_model, requests_of(prompts, 4), options);
  options.delivery = Delivery::AsFinished;
  for (std::size_t const threads : {1UL, 2UL}) {
    for (std::size_t const batch : {0UL, 1UL, 9UL}) {
      Model<Qwen2> model(threads);
      EarlyEnd early(20);
      options.batch = batch;
      options.early_end = &early;
      Completions others;
      std::size_t ended = 0;
      model.generator.generate(requests_of(prompts, 4), options, [&](GeneratedCompletion&& done) {
        if (done.completion.finish == Finish::Ended) return void(++ended);
        if (done.request % 2 == 0) early.end(done.request);
        others.emplace(std::pair(done.id, done.sample), std::move(done.completion));
      });
      CAPTURE(threads, batch);
      CHECK(early.count() == 10);
      if (threads == 1) CHECK(ended > 0);  // with more, who ends first is a matter of time
      CHECK(others.size() + ended == 80);
      CHECK(agree(others, reference));
      options.early_end = nullptr;
      CHECK(agree(generate(model, requests_of(prompts, 4), options), reference));
    }
  }
  EarlyEnd const other(19);
  options.early_end = &other;
  auto const message = message_of([&] { (void)generate(reference_model, requests_of(prompts, 4), options); });
  CHECK(message.find("early_end: is made for 19 requests") == 0);
}

TEST_CASE("generation: weights that are not numbers are reported with the place") {
  Model<Qwen2> model;
  Parameters parameters(small_config<Qwen2>());
  parameters.initialise(3);
  parameters["model.norm.weight"][0] = std::nanf("");
  model.decoder.load(parameters, 1, model.pool, Use::Inference);
  std::vector<TokenId> const prompt{1};
  GenerationRequest const request{.id = 9, .prompt = prompt, .samples = 1, .first_sample = 4};
  auto const message = message_of([&] { (void)generate(model, std::span(&request, 1), {}); });
  CHECK(message.find("id 9, sample 4, token 0: no logit is finite") == 0);
}

TEST_CASE("generation: nothing asked, nothing delivered") {
  Model<Qwen2> model(2);
  CHECK(generate(model, {}, {}).empty());
  std::vector<TokenId> const prompt{1};
  GenerationRequest const none{.id = 0, .prompt = prompt, .samples = 0};
  CHECK(generate(model, std::span(&none, 1), {}).empty());
}
