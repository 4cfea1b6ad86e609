// SPDX-License-Identifier: Apache-2.0
#include "grove/named/named_algorithm.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "grove/data/rows.hpp"
#include "grove/error.hpp"
#include "grove/named/factories.hpp"

namespace grove {

namespace {

constexpr std::array all = {
    NamedAlgorithm{"grpo", "group-normalised rewards, clipped token ratios, k3 in the loss (2402.03300)", named::grpo},
    NamedAlgorithm{"grpo_token_mean", "GRPO with DAPO's token mean (2503.14476)", named::grpo_token_mean},
    NamedAlgorithm{"dr_grpo", "no division by deviation or length (2503.20783)", named::dr_grpo},
    NamedAlgorithm{"dapo", "token mean, clip-higher, dynamic sampling (2503.14476)", named::dapo},
    NamedAlgorithm{"rloo", "leave-one-out baseline, KL in the reward (2402.14740)", named::rloo},
    NamedAlgorithm{"reinforce_plus_plus", "discounted returns whitened over the batch (2501.03262)",
                   named::reinforce_plus_plus},
    NamedAlgorithm{"reinforce_plus_plus_baseline", "group baseline, whitened over the batch (2501.03262)",
                   named::reinforce_plus_plus_baseline},
    NamedAlgorithm{"re_max", "greedy answer as baseline (2310.10505)", named::re_max},
    NamedAlgorithm{"ppo", "critic and generalised advantages (1707.06347, 1506.02438)", named::ppo},
    NamedAlgorithm{"vc_ppo", "PPO with a lambda of its own for the critic (2503.01491)", named::vc_ppo},
    NamedAlgorithm{"vapo", "VC-PPO with length-adaptive lambda and positive examples (2504.05118)", named::vapo},
    NamedAlgorithm{"gspo", "geometric-mean ratio of the sequence (2507.18071)", named::gspo},
    NamedAlgorithm{"gspo_token", "GSPO differentiated token by token (2507.18071)", named::gspo_token},
    NamedAlgorithm{"gmpo", "geometric mean of clipped ratios (2507.20673)", named::gmpo},
    NamedAlgorithm{"cispo", "capped ratio as constant weight (2506.13585)", named::cispo},
    NamedAlgorithm{"sapo", "soft gate in place of the clip (2511.20347)", named::sapo},
    NamedAlgorithm{"vespo", "smooth weight of the sequence's importance ratio (2602.10693)", named::vespo},
    NamedAlgorithm{"luspo", "GSPO times the answer's length (2602.05261)", named::luspo},
    NamedAlgorithm{"opo", "length-weighted optimal baseline, on-policy (2505.23585)", named::opo},
    NamedAlgorithm{"otb", "variance-optimal baseline of each token", named::otb},
    NamedAlgorithm{"gpg", "plain policy gradient scaled by the share with a signal (2504.02546)", named::gpg},
    NamedAlgorithm{"pass_at_k", "pass@k in closed form (2508.10751)", named::pass_at_k},
    NamedAlgorithm{"clip_cov", "tokens of high covariance lose their gradient (2505.22617)", named::clip_cov},
    NamedAlgorithm{"kl_cov", "tokens of highest covariance are held back (2505.22617)", named::kl_cov},
    NamedAlgorithm{"dppo", "divergence mask in place of the clip (2602.04879)", named::dppo},
    NamedAlgorithm{"lite_ppo", "group mean, batch deviation, token mean (2508.08221)", named::lite_ppo},
    NamedAlgorithm{"gdpo", "each reward normalised by itself (2601.05242)", named::gdpo},
    NamedAlgorithm{"max_rl", "divided by the group's mean (2602.02710)", named::max_rl},
    NamedAlgorithm{"bnpo_paper", "rewards normalised by a fitted Beta density (2506.02864)", named::bnpo_paper},
    NamedAlgorithm{"trl_bnpo", "TRL's loss_type=bnpo: token mean of each micro-batch", named::trl_bnpo},
};

/// Lower case, with the hyphens of prose as underscores.
std::string folded(std::string_view name) {
  std::string text;
  for (char c : name) text += c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The same as in C++, where words are told apart by their case alone.
std::string joined_words(std::string text) {
  std::erase(text, '_');
  return text;
}

std::string joined(std::vector<std::string_view> const& names) {
  std::string text;
  for (auto name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

void assign(Option const& option, std::string_view text, double& value) {
  double const x = option_number(option.name, text);
  if (!option.range.contains(x))
    throw Error("option " + std::string(option.name), "is " + std::string(text), detail::expected(option.range, x));
  value = x;
}
void assign(Option const& option, std::string_view text, std::size_t& value) {
  double const x = option_number(option.name, text);
  if (!option.range.contains(x) || x != std::floor(x) || x < 0 || x > 1e15)
    throw Error("option " + std::string(option.name), "is " + std::string(text),
                "a whole number, " + detail::describe(option.range));
  value = static_cast<std::size_t>(x);
}
void assign(Option const& option, std::string_view text, bool& value) { value = option_flag(option.name, text); }

}  // namespace

std::span<NamedAlgorithm const> named_algorithms() { return all; }

AnyAlgorithm algorithm_named(std::string_view name) {
  auto const wanted = folded(name);
  std::vector<std::string_view> names;
  for (auto const& algorithm : all) {
    if (algorithm.name == wanted || joined_words(std::string(algorithm.name)) == wanted) return algorithm.make();
    names.push_back(algorithm.name);
  }
  auto spelled = wanted;  // REINFORCE++ as its paper has it
  for (auto at = spelled.find('+'); at != spelled.npos; at = spelled.find('+', at)) spelled.replace(at, 1, "_plus");
  bool const known = std::ranges::find(names, spelled) != names.end();
  throw Error("--algorithm", "'" + std::string(name) + "' is no algorithm", "one of " + joined(names),
              "did you mean " + (known ? spelled : data::nearest(wanted, {names.begin(), names.end()})) + "?");
}

double option_number(std::string_view key, std::string_view text) {
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Error("option " + std::string(key), "is '" + std::string(text) + "'", "a number");
  return value;
}

bool option_flag(std::string_view key, std::string_view text) {
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  throw Error("option " + std::string(key), "is '" + std::string(text) + "'", "true or false");
}

void set_option(AnyAlgorithm& algorithm, std::string_view key, std::string_view value,
                std::span<std::string_view const> set) {
  bool found = false;
  std::vector<std::string_view> names;
  visit_options(algorithm, [&](Option const& option, auto& member) {
    if (std::ranges::find(names, option.name) == names.end()) names.push_back(option.name);
    bool const follows = option.follows == key && std::ranges::find(set, option.name) == set.end();
    if (option.name != key && !follows) return;
    found |= option.name == key;
    assign(option, value, member);
  });
  if (!found)
    throw Error("option " + std::string(key), "does nothing in this algorithm",
                names.empty() ? "no option: it has none" : "one of " + joined(names));
}

}  // namespace grove
