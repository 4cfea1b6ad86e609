// SPDX-License-Identifier: Apache-2.0
// open_rs verify: one answer against one gold answer, with the reason.
#include <iostream>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "open_rs/commands.hpp"

namespace open_rs {
namespace {

namespace math = grove::math;

constexpr char const* verifiers = "strict, compatible, compatible-open-rs, qwen or lighteval";

bool holds(std::string const& text, std::initializer_list<char const*> marks) {
  for (char const* const mark : marks) {
    if (text.find(mark) != std::string::npos) return true;
  }
  return false;
}

/// A bare expression becomes LaTeX: several verifiers read nothing else.
std::string as_latex(std::string const& text) {
  return holds(text, {"$", "\\boxed", "\\[", "\\("}) ? text : "$" + text + "$";
}

template <math::Policy P>
math::Verification judge(P const& policy, std::string const& gold, std::string const& answer) {
  math::Workspace workspace;
  math::Verification const whole = math::verify(policy, gold, answer, workspace);
  // An answer without a box or the word "answer" is an expression by itself.
  bool const bare = !holds(answer, {"\\boxed", "\\fbox"}) && whole.verdict != math::Verdict::Equal;
  return bare ? math::verify(policy, gold, "\\boxed{" + answer + "}", workspace) : whole;
}

math::Verification judge_by_name(std::string const& verifier, std::string const& gold, std::string const& answer) {
  if (verifier == "strict") return judge(math::Strict{}, gold, answer);
  std::string const latex = as_latex(gold);
  if (verifier == "compatible") return judge(math::Compatible{}, latex, answer);
  if (verifier == "compatible-open-rs") return judge(math::CompatibleOpenRs{}, latex, answer);
  if (verifier == "qwen") return judge(math::QwenGrader{}, latex, answer);
  if (verifier == "lighteval") return judge(math::Lighteval{}, latex, answer);
  throw grove::Error("open_rs verify", "--verifier is '" + verifier + "'", verifiers, "choose one of them");
}

char const* verdict_name(math::Verdict verdict) {
  switch (verdict) {
    case math::Verdict::Equal:
      return "Equal";
    case math::Verdict::Different:
      return "Different";
    case math::Verdict::Unknown:
      return "Unknown";
    case math::Verdict::Unparsed:
      return "Unparsed";
  }
  return "";
}

}  // namespace

int verify(Arguments const& arguments) {
  std::string verifier = "strict";
  Command command("open_rs verify GOLD ANSWER", "Judges an answer: {\"verdict\", \"gold\", \"answer\", \"reason\"}.");
  command.options().add_options()("verifier", po::value(&verifier)->default_value("strict")->value_name("NAME"),
                                  verifiers);
  // An answer may begin with a minus sign, so what is no option of the command is text.
  Arguments options;
  Arguments texts;
  bool open = true;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string const& argument = arguments[i];
    bool const is_unknown = argument.starts_with("--") && argument.size() > 2 && argument[2] >= 'a' &&
                            argument[2] <= 'z' && texts.size() == 2;
    bool const is_option =
        argument == "--help" || argument == "-h" || argument.starts_with("--verifier=") || is_unknown;
    if (open && argument == "--") {
      open = false;
    } else if (open && argument == "--verifier") {
      options.push_back(argument);
      if (i + 1 < arguments.size()) options.push_back(arguments[++i]);
    } else if (open && is_option) {
      options.push_back(argument);
    } else {
      texts.push_back(argument);
    }
  }
  if (!command.parse(options)) return 0;
  if (texts.size() != 2)
    throw grove::Error("open_rs verify", std::to_string(texts.size()) + " texts are given", "GOLD and ANSWER",
                       "quote each for the shell; put -- in front of texts that look like options");
  math::Verification const judged = judge_by_name(verifier, texts[0], texts[1]);
  grove::io::Json line;
  line["verdict"] = verdict_name(judged.verdict);
  line["gold"] = judged.gold;
  line["answer"] = judged.answer;
  line["reason"] = judged.reason;
  std::cout << line.dump(-1, ' ', false, grove::io::Json::error_handler_t::replace) << '\n';
  return 0;
}

}  // namespace open_rs
