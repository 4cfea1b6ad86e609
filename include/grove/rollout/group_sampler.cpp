// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/group_sampler.hpp"

#include <map>
#include <memory>
#include <utility>

#include "grove/error.hpp"

namespace grove {

std::function<nn::cpu::TextStream()> text_streams(text::Tokenizer const& tokenizer) {
  return [&tokenizer]() -> nn::cpu::TextStream {
    auto decoder = std::make_shared<text::StreamDecoder>(tokenizer, text::DecodeOptions{.skip_special_tokens = true});
    return {.push = [decoder](TokenId id) { return decoder->push(id); },
            .finish = [decoder] { return decoder->finish(); }};
  };
}

GroupSampler::GroupSampler(ProblemSource source, PromptFormat format, GroupSamplerOptions options)
    : source_(std::move(source)), format_(std::move(format)), options_(std::move(options)) {
  if (options_.problems == 0) throw Error("GroupSampler", "0 problems a step", "at least 1");
  if (options_.group == 0)
    throw Error("GroupSampler", "groups of 0 completions", "at least 1; group-relative advantages need 2");
  if (options_.views.second_bos && format_.tokenizer().encode("", {.add_special_tokens = true}).empty())
    throw Error("GroupSampler", "a second BOS is asked for, but the model's tokenizer adds none to a text",
                "a tokenizer that does", "sample with one BOS");
}

nn::cpu::GenerationOptions GroupSampler::generation(AnyCausalLm const& policy) const {
  auto stop = policy.config().eos_ids;
  stop.insert(stop.end(), options_.stop_tokens.begin(), options_.stop_tokens.end());
  return {.sampling = options_.sampling,
          .max_tokens = options_.max_tokens,
          .stop_tokens = std::move(stop),
          .stop_strings = options_.stop_strings,
          .text = text_streams(format_.tokenizer()),
          .key = {options_.seed, Purpose::Sampling},
          .collection = collections_,
          .batch = options_.batch,
          .kv_cache_bytes = options_.kv_cache_bytes};
}

TokenSample GroupSampler::prompted(Problem const& problem) const {
  auto tokens = format_.tokens(problem);
  auto const limit = options_.max_prompt_tokens, kept = options_.views.train_tokens;
  if (limit > 0 && tokens.size() > limit)
    throw Error("problem " + std::to_string(problem.id), "a prompt of " + std::to_string(tokens.size()) + " tokens",
                "at most " + std::to_string(limit), "raise max_prompt_length or drop the problem");
  TokenSample sample{.prompt = tokens};
  if (options_.views.second_bos) sample.prompt = format_.tokens(problem, {.add_special_tokens = true});
  if (kept > 0 && tokens.size() > kept) tokens.erase(tokens.begin(), tokens.end() - static_cast<std::ptrdiff_t>(kept));
  if (tokens != sample.prompt) sample.train_prompt = std::move(tokens);
  return sample;
}

TokenTrajectories GroupSampler::collect(AnyCausalLm& policy) {
  TokenTrajectories t;
  std::vector<TokenSample> prompts;
  std::vector<nn::cpu::GenerationRequest> requests;
  auto const mine = options_.share.end(options_.problems) - options_.share.begin(options_.problems);
  auto const first = collections_ * options_.problems + options_.share.begin(options_.problems);
  for (std::size_t p = 0; p < mine; ++p) {
    t.problems.push_back(source_(first + p));
    prompts.push_back(prompted(t.problems.back()));
  }
  for (std::size_t p = 0; p < mine; ++p)
    requests.push_back({.id = first + p, .prompt = prompts[p].prompt, .samples = options_.group});

  auto const deliver = [&](nn::cpu::GeneratedCompletion&& generated) {
    auto const p = static_cast<std::uint32_t>(generated.request);
    t.add({.id = generated.id,
           .problem = p,
           .index = generated.sample,
           .prompt = prompts[p].prompt,
           .train_prompt = prompts[p].train_prompt,
           .completion = std::move(generated.completion)},
          p);
  };
  if (!requests.empty()) policy.generate(requests, generation(policy), deliver);
  ++collections_;
  return t;
}

TokenTrajectories GroupSampler::collect_greedy(AnyCausalLm& policy, TokenTrajectories const& sampled) const {
  TokenTrajectories t;
  t.problems = sampled.problems;
  std::map<std::uint32_t, std::size_t> first;  // a sequence of each group
  for (std::size_t s = 0; s < sampled.samples.size(); ++s) first.emplace(sampled.episodes.group[s], s);
  std::vector<nn::cpu::GenerationRequest> requests;
  std::vector<std::pair<std::uint32_t, std::size_t>> const groups(first.begin(), first.end());
  for (auto const& [group, s] : groups)
    requests.push_back({.id = sampled.samples[s].id, .prompt = sampled.samples[s].prompt, .samples = 1});
  auto options = generation(policy);
  options.sampling = {.temperature = 0};
  policy.generate(requests, options, [&](nn::cpu::GeneratedCompletion&& generated) {
    auto const& [group, s] = groups[generated.request];
    t.add({.id = generated.id,
           .problem = sampled.samples[s].problem,
           .prompt = sampled.samples[s].prompt,
           .completion = std::move(generated.completion)},
          group);
  });
  return t;
}

}  // namespace grove
