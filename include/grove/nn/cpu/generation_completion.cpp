// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation_completion.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/generation_checks.hpp"

namespace grove::nn::cpu::detail {
namespace {

/// True when a stop string is complete; the text then ends before it.
bool add_text(GenerationJob const& job, std::string& text, std::string const& piece) {
  std::size_t const known = text.size();
  text += piece;
  std::size_t const cut = job.stops.find(text, known);
  if (cut == std::string::npos) return false;
  text.resize(cut);
  return true;
}

}  // namespace

RunningCompletion begin_completion(GenerationJob const& job, std::size_t request, std::uint32_t sample) {
  RunningCompletion running;
  running.request = request;
  running.sample = sample;
  running.limit = token_limit(job.requests[request], job.options, job.context);
  if (job.options.text) running.text = job.options.text();
  return running;
}

Draw next_draw(GenerationJob const& job, RunningCompletion const& running) {
  GenerationRequest const& request = job.requests[running.request];
  return {.index = request.id,
          .sample = request.first_sample + running.sample,
          .token = static_cast<std::uint32_t>(running.completion.tokens.size())};
}

SampledToken draw(GenerationJob const& job, RunningCompletion const& running, std::span<float const> logits,
                  TokenSampler& sampler) {
  Draw const place = next_draw(job, running);
  try {
    return sampler(logits, uniform(job.random, place));
  } catch (Error const& error) {
    throw Error("id " + std::to_string(place.index) + ", sample " + std::to_string(place.sample) + ", token " +
                    std::to_string(place.token),
                error.problem, error.expected, error.fix);
  }
}

bool advance(GenerationJob const& job, RunningCompletion& running, SampledToken const& drawn) {
  Completion& completion = running.completion;
  completion.tokens.push_back(drawn.token);
  completion.log_probs.push_back(drawn.log_prob);
  completion.kept_mass.push_back(drawn.kept_mass);
  completion.versions.push_back(job.version);
  auto const& stop_tokens = job.options.stop_tokens;
  bool const stop_token = std::ranges::find(stop_tokens, drawn.token) != stop_tokens.end();
  bool const stop_string = running.text.push && add_text(job, completion.text, running.text.push(drawn.token));
  bool const stopped = stop_token || stop_string;
  bool const ended = stopped || completion.tokens.size() >= running.limit;
  completion.finish = stopped ? Finish::Stop : Finish::Length;
  if (ended && !stop_string && running.text.finish) add_text(job, completion.text, running.text.finish());
  return ended;
}

}  // namespace grove::nn::cpu::detail
