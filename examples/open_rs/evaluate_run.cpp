// SPDX-License-Identifier: Apache-2.0
#include "open_rs/evaluate_run.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/json_line.hpp"
#include "grove/io/model_config.hpp"
#include "grove/metrics/jsonl_writer.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/prompt_format.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
namespace cpu = grove::nn::cpu;
using grove::Error;
using grove::io::Json;

constexpr std::string_view task_prompt =
    "Solve the following math problem efficiently and clearly.  The last line of your response should be of the "
    "following format: 'Therefore, the final answer is: $\\boxed{ANSWER}$. I hope it is correct' (without quotes) "
    "where "
    "ANSWER is just the final number or expression that solves the problem. Think step by step before answering.\n\n";

/// FNV-1a of id and text: the problem's place in the random numbers, wherever it stands in whatever file.
std::uint64_t key_of(grove::data::EvaluationProblem const& problem) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::string const* const text : {&problem.id, &problem.problem}) {
    for (char const letter : *text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
    hash = (hash ^ 0xffU) * 0x100000001b3ULL;
  }
  return hash;
}

/// What is known of each (problem, number) of a set.
using Known = std::map<std::pair<std::size_t, std::size_t>, Sample>;

std::string key_text(grove::data::EvaluationProblem const& problem) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(key_of(problem)));
  return text;
}

Known read_known(fs::path const& folder, JudgedSet const& judged) {
  std::map<std::string, std::size_t> place;
  for (std::size_t p = 0; p < judged.set.problems.size(); ++p) place[judged.set.problems[p].id] = p;
  Known known;
  if (!fs::exists(folder)) return known;
  std::vector<fs::path> files;
  for (auto const& entry : fs::directory_iterator(folder)) {
    std::string const name = entry.path().filename().string();
    if (name.starts_with(judged.name + ".rank") && name.ends_with(".jsonl") && fs::file_size(entry.path()) > 0)
      files.push_back(entry.path());
  }
  for (auto const& file : files) {
    std::string const text = grove::io::read_text_file(file.string());
    std::size_t number = 0;
    // A last line without its break is half a line: its process was killed, or is still writing.
    for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
      auto const where = file.string() + ":" + std::to_string(++number);
      Json const line = grove::io::parse_json_line(std::string_view(text).substr(begin, end - begin), where);
      grove::io::JsonFields const fields(line, where);
      auto const at = place.find(fields.required<std::string>("id"));
      if (at == place.end())
        throw Error(where, "a completion of a problem that " + judged.set.file + " lacks",
                    "the file that " + folder.string() + " was begun with", "choose another folder with --out");
      auto const& problem = judged.set.problems[at->second];
      if (fields.value_or<std::string>("problem_key", key_text(problem)) != key_text(problem))
        throw Error(
            judged.set.file,
            "problem '" + problem.id + "' is another than the one that " + file.string() + " holds a completion of",
            "the file that " + folder.string() + " was begun with", "choose another folder with --out");
      Sample sample{.completion = fields.required<std::string>("completion")};
      sample.tokens = fields.required<double>("tokens");
      sample.truncated = fields.required<std::string>("finish") == "length";
      known[{at->second, fields.required<std::size_t>("index")}] = std::move(sample);
    }
  }
  return known;
}

grove::Problem conversation(SamplingPlan const& plan, grove::data::EvaluationProblem const& problem) {
  grove::Problem turn;
  if (!plan.system.empty()) turn.messages.push_back({"system", plan.system});
  turn.messages.push_back({"user", user_turn(plan.prompt, problem.problem)});
  return turn;
}

std::vector<grove::TokenId> prompt_of(SamplingPlan const& plan, grove::data::EvaluationSet const& set, std::size_t p,
                                      grove::PromptFormat const& format, std::size_t context) {
  auto prompt = format.tokens(conversation(plan, set.problems[p]));
  if (prompt.size() >= context)
    throw Error(set.file + ", problem " + set.problems[p].id,
                "a prompt of " + std::to_string(prompt.size()) + " tokens",
                "fewer than the model's context of " + std::to_string(context));
  return prompt;
}

/// What one process has to sample of one set.
struct Work {
  std::vector<std::vector<grove::TokenId>> prompts{};
  std::vector<cpu::GenerationRequest> requests{};
  std::vector<std::size_t> problems{};  ///< of each request
};

Work work_of(SamplingPlan const& plan, grove::data::EvaluationSet const& set, SampleRequest const& request,
             grove::PromptFormat const& format, std::size_t context) {
  Work work;
  auto const& problems = set.problems;
  work.prompts.resize(problems.size());
  for (std::size_t p = request.share.rank; p < problems.size(); p += request.share.size) {
    for (std::size_t i = 0; i < plan.n; ++i) {
      if (request.known && request.known(p, i)) continue;
      if (work.prompts[p].empty()) work.prompts[p] = prompt_of(plan, set, p, format, context);
      bool const goes_on = !work.problems.empty() && work.problems.back() == p &&
                           work.requests.back().first_sample + work.requests.back().samples == i;
      if (goes_on) {
        ++work.requests.back().samples;
        continue;
      }
      work.requests.push_back({.id = key_of(problems[p]),
                               .prompt = work.prompts[p],
                               .samples = 1,
                               .first_sample = static_cast<std::uint32_t>(i)});
      work.problems.push_back(p);
    }
  }
  return work;
}

std::string line_of(grove::data::EvaluationProblem const& problem, cpu::GeneratedCompletion const& generated) {
  auto const& c = generated.completion;
  return grove::io::JsonLine()
      .field("id", problem.id)
      .field("problem_key", key_text(problem))
      .field("index", generated.sample)
      .field("completion", c.text)
      .field("tokens", c.tokens.size())
      .field("finish", c.finish == grove::Finish::Stop ? "stop" : "length")
      .text();
}

}  // namespace

std::string user_turn(std::string const& prompt, std::string const& problem) {
  if (prompt == "open-rs") return std::string(task_prompt) + problem;
  if (prompt == "problem") return problem;
  constexpr std::string_view mark = "{problem}";
  auto const at = prompt.find(mark);
  if (at == prompt.npos)
    throw Error("--prompt", "'" + prompt + "'", "open-rs, problem, or a text with {problem} in it");
  return prompt.substr(0, at) + problem + prompt.substr(at + mark.size());
}

void require_prompts_fit(SamplingPlan const& plan, grove::data::EvaluationSet const& set,
                         grove::PromptFormat const& format) {
  auto const context = grove::io::read_model_config(plan.model.folder.string()).max_position_embeddings;
  for (std::size_t p = 0; p < set.problems.size(); ++p) static_cast<void>(prompt_of(plan, set, p, format, context));
}

Json fingerprint(SamplingPlan const& plan) {
  Json options;
  options["model"] = fs::weakly_canonical(plan.model.folder).string();
  options["dtype"] = plan.model.dtype;
  options["temperature"] = plan.temperature;
  options["top_p"] = plan.top_p;
  options["max_tokens"] = plan.max_tokens;
  options["seed"] = plan.seed;
  options["prompt"] = plan.prompt;
  options["system"] = plan.system;
  return options;
}

void claim_folder(fs::path const& folder, Json const& wanted) {
  fs::create_directories(folder);
  fs::path const file = folder / "options.json";
  bool const begun = std::ranges::any_of(fs::directory_iterator(folder), [](fs::directory_entry const& entry) {
    return entry.path().filename().string().find(".rank") != std::string::npos && fs::file_size(entry.path()) > 0;
  });
  if (!begun || !fs::exists(file)) return grove::io::write_file(file, wanted.dump(2) + "\n");
  Json const there = grove::io::read_json_file(file.string());
  for (auto const& option : wanted.items()) {
    auto const at = there.find(option.key());
    if (at == there.end() || *at != option.value())
      throw Error(folder.string(),
                  "was begun with " + option.key() + " " + (at == there.end() ? "unset" : grove::io::excerpt(*at)) +
                      ", and is now asked for " + grove::io::excerpt(option.value()),
                  "the same options", "choose another folder with --out");
  }
}

void sample_problems(grove::AnyCausalLm& policy, grove::PromptFormat const& format, SamplingPlan const& plan,
                     grove::data::EvaluationSet const& set, SampleRequest const& request) {
  auto const work = work_of(plan, set, request, format, policy.config().max_position_embeddings);
  if (work.requests.empty()) return;
  cpu::GenerationOptions const options{.sampling = {.temperature = plan.temperature, .top_p = plan.top_p},
                                       .max_tokens = plan.max_tokens,
                                       .stop_tokens = policy.config().eos_ids,
                                       .text = grove::text_streams(format.tokenizer()),
                                       .key = {plan.seed, grove::Purpose::Evaluation},
                                       .batch = plan.model.batch,
                                       .kv_cache_bytes = plan.model.kv_cache.count,
                                       .delivery = cpu::Delivery::AsFinished};
  policy.generate(work.requests, options, [&](cpu::GeneratedCompletion&& generated) {
    request.take(work.problems[generated.request], std::move(generated));
  });
}

namespace {

/// What a run folder holds of a set, and how many of this rank's completions these are.
struct Missing {
  Known known{};
  std::size_t total = 0, done = 0;
};

std::vector<Missing> missing_of(fs::path const& folder, SamplingPlan const& plan, std::vector<JudgedSet> const& sets,
                                grove::Share share) {
  std::vector<Missing> all;
  for (JudgedSet const& judged : sets) {
    Missing& m = all.emplace_back(Missing{.known = read_known(folder, judged)});
    for (std::size_t p = share.rank; p < judged.set.problems.size(); p += share.size)
      for (std::size_t i = 0; i < plan.n; ++i, ++m.total) m.done += m.known.contains({p, i}) ? 1 : 0;
  }
  return all;
}

grove::PromptFormat format_of(fs::path const& model) {
  auto format = grove::PromptFormat::load(model);
  if (!format.has_template())
    throw Error(model.string(), "the model has no chat template",
                "chat_template.jinja or a chat_template in tokenizer_config.json");
  return format;
}

}  // namespace

void sample_into(fs::path const& folder, SamplingPlan const& plan, std::vector<JudgedSet> const& sets,
                 grove::Share share) {
  std::optional<grove::AnyCausalLm> policy;
  std::optional<grove::PromptFormat> format;
  std::vector<Missing> const all = missing_of(folder, plan, sets, share);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    if (all[s].done == all[s].total) continue;
    if (!format) format = format_of(plan.model.folder);
    require_prompts_fit(plan, sets[s].set, *format);
  }
  for (std::size_t s = 0; s < sets.size(); ++s) {
    JudgedSet const& judged = sets[s];
    Known const& known = all[s].known;
    std::size_t const total = all[s].total;
    std::size_t done = all[s].done;
    if (done == total) continue;
    if (!policy) policy = plan.model.load();
    grove::metrics::JsonlWriter out(
        (folder / (judged.name + ".rank" + std::to_string(share.rank) + ".jsonl")).string());
    sample_problems(*policy, *format, plan, judged.set,
                    {.share = share,
                     .known =
                         [&](std::size_t p, std::size_t i) {
                           return known.contains({p, i});
                         },
                     .take =
                         [&](std::size_t p, cpu::GeneratedCompletion&& generated) {
                           out.write(line_of(judged.set.problems[p], generated));
                           if (++done % 16 == 0 || done == total)
                             std::cerr << judged.name << ": " << done << " of " << total << " completions\n";
                         }});
  }
}

void collect_samples(fs::path const& folder, SamplingPlan const& plan, std::vector<JudgedSet>& sets) {
  for (JudgedSet& judged : sets) {
    Known known = read_known(folder, judged);
    for (std::size_t p = 0; p < judged.set.problems.size(); ++p) {
      for (std::size_t i = 0; i < plan.n; ++i) {
        auto const at = known.find({p, i});
        if (at == known.end())
          throw Error(folder.string(),
                      "lacks completion " + std::to_string(i) + " of problem '" + judged.set.problems[p].id + "' of " +
                          judged.set.file,
                      "those of all ranks", "run evaluate again: it samples what is missing");
        judged.samples[p].push_back(std::move(at->second));
      }
    }
  }
}

}  // namespace open_rs
