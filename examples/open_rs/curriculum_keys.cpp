// SPDX-License-Identifier: Apache-2.0
#include "open_rs/curriculum_keys.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "grove/error.hpp"

namespace open_rs {
namespace {

namespace po = boost::program_options;

std::vector<std::string> parts_of(std::string const& text, char between) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, between);) parts.push_back(part);
  return parts;
}

template <class T>
T number(std::string const& text, std::string const& mix) {
  T value{};
  auto const* const end = text.data() + text.size();
  auto const [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || at != end)
    throw grove::Error("recipe", "curriculum_mix is '" + mix + "', in which '" + text + "' is no number",
                       "LEVEL=SHARE,... or STEP:LEVEL=SHARE,...;STEP:...");
  return value;
}

}  // namespace

void CurriculumKeys::add_to(po::options_description& options) {
  options.add_options()                                                                                            //
      ("curriculum_column", po::value(&curriculum_column)->default_value("level"), "column of a problem's level")  //
      ("curriculum_mix", po::value(&curriculum_mix)->default_value(""),
       "shares of levels, Easy=1,Hard=2, or by steps with straight lines between, 0:Easy=1,Hard=0;100:Easy=1,Hard=1; "
       "empty: every problem alike")  //
      ("curriculum_reward", po::value(&curriculum_reward)->default_value(""),
       "draw problems more often that this reward says are neither always nor never solved; empty: no")  //
      ("curriculum_floor", po::value(&curriculum_floor)->default_value(0.1),
       "weight of a problem that is always or never solved")  //
      ("curriculum_memory", po::value(&curriculum_memory)->default_value(0.5),
       "weight of a problem's older results in its running pass rate");
}

void CurriculumKeys::check(std::vector<std::string> const& rewards, std::string const& data_order) const {
  if (!wanted()) return;
  if (data_order == "torch")
    throw grove::Error("recipe", "data_order = torch beside a curriculum, which draws by weight", "one of them");
  if (!curriculum_mix.empty()) static_cast<void>(parse_mix(curriculum_mix));
  if (!curriculum_reward.empty() && std::ranges::find(rewards, curriculum_reward) == rewards.end())
    throw grove::Error("recipe", "curriculum_reward is '" + curriculum_reward + "'", "one of reward_funcs");
}

grove::Curriculum CurriculumKeys::source(std::vector<grove::Problem> problems, std::size_t prompts_per_step,
                                         std::uint64_t seed) const {
  return {std::move(problems),
          {.column = curriculum_mix.empty() ? std::string() : curriculum_column,
           .mix = curriculum_mix.empty() ? grove::LevelMix{} : parse_mix(curriculum_mix),
           .by_pass_rate = !curriculum_reward.empty(),
           .floor = curriculum_floor,
           .memory = curriculum_memory,
           .problems = prompts_per_step,
           .seed = seed}};
}

grove::LevelMix parse_mix(std::string const& text) {
  grove::LevelMix mix;
  for (auto const& point : parts_of(text, ';')) {
    auto& at = mix.points.emplace_back();
    auto const colon = point.find(':');
    if (colon != point.npos) at.step = number<std::uint64_t>(point.substr(0, colon), text);
    for (auto const& share : parts_of(point.substr(colon == point.npos ? 0 : colon + 1), ',')) {
      auto const equals = share.rfind('=');
      auto const value = number<double>(equals == share.npos ? "" : share.substr(equals + 1), text);
      at.share[share.substr(0, equals)] = value;
    }
  }
  return mix;
}

}  // namespace open_rs
