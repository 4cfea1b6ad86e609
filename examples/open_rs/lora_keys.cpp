// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "grove/error.hpp"
#include "open_rs/lora.hpp"

namespace open_rs {

namespace po = boost::program_options;

void LoraKeys::add_to(po::options_description& options) {
  options.add_options()  //
      ("use_peft", po::value(&use_peft)->default_value(false),
       "train low-rank adapters (LoRA) in place of all weights")                                         //
      ("lora_r", po::value(&lora_r)->default_value(16), "rank of the adapters")                          //
      ("lora_alpha", po::value(&lora_alpha)->default_value(32.0), "their scale is lora_alpha / lora_r")  //
      ("lora_target_modules", po::value(&lora_target_modules)->default_value(""),
       "projections with commas between, or all-linear; empty: q_proj,v_proj, as peft has it")            //
      ("use_rslora", po::value(&use_rslora)->default_value(false), "scale by the square root of lora_r")  //
      ("lora_dropout", po::value(&lora_dropout)->default_value(0.0), "there is none: 0 (TRL's default is 0.05)");
}

void LoraKeys::check() const {
  if (lora_dropout != 0)
    throw grove::Error("recipe", "lora_dropout is not 0", "0",
                       "sampler and trainer see the same model here, so adapters have no dropout");
  LoraKeys const defaults;
  bool const given =
      lora_r != defaults.lora_r || lora_alpha != defaults.lora_alpha || use_rslora || !lora_target_modules.empty();
  if (!use_peft && given)
    throw grove::Error("recipe", "a key of adapters is set, and use_peft is false", {}, "--set use_peft=true");
  if (use_peft && !(lora_alpha > 0)) throw grove::Error("recipe", "lora_alpha is not positive", "a positive number");
  if (use_peft) static_cast<void>(grove::adapter_shape(options(0)));
}

grove::LoraOptions LoraKeys::options(std::uint64_t seed) const {
  grove::LoraOptions options{.rank = lora_r, .alpha = lora_alpha, .rank_stabilized = use_rslora, .seed = seed};
  if (lora_target_modules.empty()) return options;
  options.targets.clear();
  std::istringstream text(lora_target_modules);
  for (std::string name; std::getline(text, name, ',');) options.targets.push_back(name);
  return options;
}

}  // namespace open_rs
