// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/lora.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"
#include "grove/io/safetensors.hpp"

namespace grove {
namespace {

namespace fs = std::filesystem;
using nn::cpu::projection_names;

constexpr char const* config_name = "adapter_config.json";
constexpr char const* weights_name = "adapter_model.safetensors";

void make_folder(fs::path const& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(folder.string(), "cannot make the folder: " + error.message());
}

/// Keys of peft that change what an adapter computes, and which Grove does not have.
void refuse_others(io::JsonFields const& fields) {
  if (auto const type = fields.required<std::string>("peft_type"); type != "LORA") fields.refuse("peft_type", "LORA");
  if (auto const bias = fields.value_or<std::string>("bias", "none"); bias != "none") fields.refuse("bias", "none");
  for (auto const* key : {"use_dora", "fan_in_fan_out"})
    if (fields.value_or<bool>(key, false)) fields.refuse(key, "false");
  for (auto const* key : {"modules_to_save", "layers_to_transform", "layers_pattern", "rank_pattern", "alpha_pattern"})
    if (auto const* value = fields.find(key); value != nullptr && !value->empty()) fields.refuse(key, "nothing");
}

}  // namespace

nn::cpu::AdapterShape adapter_shape(LoraOptions const& options) {
  if (options.rank == 0) throw Error("LoRA", "the rank is 0", "at least 1");
  auto const rank = static_cast<double>(options.rank);
  nn::cpu::AdapterShape shape{.rank = options.rank,
                              .scale = options.alpha / (options.rank_stabilized ? std::sqrt(rank) : rank)};
  for (auto const& target : options.targets) {
    if (target == "all-linear") {
      shape.targets.fill(true);
      continue;
    }
    auto const at = std::ranges::find(projection_names, target);
    if (at == projection_names.end())
      throw Error("LoRA", "there is no projection '" + target + "'",
                  "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, or all-linear");
    shape.targets[static_cast<std::size_t>(at - projection_names.begin())] = true;
  }
  return shape;
}

void write_adapter_config(fs::path const& folder, LoraOptions const& options, std::string const& base_model) {
  make_folder(folder);
  auto const shape = adapter_shape(options);
  io::Json json;
  json["base_model_name_or_path"] = base_model;
  json["bias"] = "none";
  json["fan_in_fan_out"] = false;
  json["inference_mode"] = true;
  json["init_lora_weights"] = true;
  if (options.alpha == std::floor(options.alpha))
    json["lora_alpha"] = static_cast<std::int64_t>(options.alpha);
  else
    json["lora_alpha"] = options.alpha;
  json["lora_dropout"] = 0.0;
  json["modules_to_save"] = nullptr;
  json["peft_type"] = "LORA";
  json["r"] = options.rank;
  json["target_modules"] = io::Json::array();
  for (std::size_t p = 0; p < projection_names.size(); ++p)
    if (shape.targets[p]) json["target_modules"].push_back(projection_names[p]);
  json["task_type"] = "CAUSAL_LM";
  json["use_dora"] = false;
  json["use_rslora"] = options.rank_stabilized;
  io::write_file(folder / config_name, json.dump(2) + "\n");
}

void write_adapter_weights(fs::path const& folder, nn::cpu::Adapters const& adapters) {
  make_folder(folder);
  std::vector<io::TensorView> tensors;
  for (auto const& entry : adapters.entries())
    tensors.push_back({.name = entry.name,
                       .dtype = io::DType::F32,
                       .shape = entry.shape,
                       .bytes = std::as_bytes(adapters.values().subspan(entry.offset, entry.size))});
  io::write_safetensors((folder / weights_name).string(), tensors);
}

LoraOptions read_adapter_config(fs::path const& folder) {
  auto const path = (folder / config_name).string();
  auto const json = io::read_json_file(path);
  io::JsonFields const fields(json, path);
  refuse_others(fields);
  LoraOptions options{.rank = fields.required<std::size_t>("r"),
                      .alpha = fields.required<double>("lora_alpha"),
                      .targets = {},
                      .rank_stabilized = fields.value_or<bool>("use_rslora", false)};
  auto const* const targets = fields.find("target_modules");
  if (targets != nullptr && targets->is_string()) options.targets.push_back(targets->get<std::string>());
  if (targets == nullptr || (!targets->is_array() && !targets->is_string()))
    fields.refuse("target_modules", "a list of projections");
  for (auto const& name : targets->is_array() ? *targets : io::Json::array()) {
    if (!name.is_string()) fields.refuse("target_modules", "a list of projections");
    options.targets.push_back(name.get<std::string>());
  }
  static_cast<void>(adapter_shape(options));
  return options;
}

void read_adapter(fs::path const& folder, LoraOptions const& options, nn::cpu::Adapters& adapters) {
  auto const written = adapter_shape(read_adapter_config(folder));
  if (!(written == adapter_shape(options)))
    throw Error((folder / config_name).string(), "rank, alpha or target_modules are others", "those of this run");
  auto const file = io::SafetensorsFile::open((folder / weights_name).string());
  for (auto const& entry : adapters.entries()) {
    auto const* const info = file.find(entry.name);
    if (info == nullptr || info->shape != entry.shape)
      throw Error(file.path(),
                  info == nullptr ? "has no tensor " + entry.name
                                  : "tensor " + entry.name + " has shape " + io::shape_text(info->shape),
                  "shape " + io::shape_text(entry.shape), "an adapter belongs to the model it was trained on");
    io::read_f32(file.ref(*info), adapters.values().subspan(entry.offset, entry.size));
  }
  if (file.tensors().size() != adapters.entries().size())
    throw Error(file.path(), "holds more than the adapters of its configuration", "their tensors alone");
}

}  // namespace grove
