// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/parameters.hpp"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "grove/io/bf16.hpp"
#include "grove/io/safetensors.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;
using Catch::Matchers::Contains;

namespace {

// A folder of its own that disappears with it.
struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("grove-parameters-" + std::to_string(::getpid()))) {}
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

Parameters load(std::filesystem::path const& folder) {
  return Parameters::load(io::WeightFolder::open(folder.string()), io::read_model_config(folder.string()));
}

// Writes the weights as they are, after `change` had its way with the list of tensors.
template <class F>
void write_tensors(Parameters const& parameters, std::filesystem::path const& folder, F const& change) {
  std::vector<io::TensorView> tensors;
  for (auto const& entry : parameters.entries()) {
    tensors.push_back({entry.name, io::DType::F32, entry.shape, std::as_bytes(parameters[entry.name])});
  }
  change(tensors);
  io::write_safetensors((folder / "model.safetensors").string(), tensors);
}

}  // namespace

TEST_CASE("Weights that one product reads stand side by side, and tied embeddings once") {
  for (bool tied : {true, false}) {
    Parameters const parameters(small_config<Qwen2>(tied));
    std::size_t offset = 0;
    for (auto const& entry : parameters.entries()) {
      CHECK(entry.offset == offset);
      offset += entry.size;
    }
    CHECK(offset == parameters.values().size());
    CHECK((parameters.entries().back().name == "lm_head.weight") == !tied);
    std::string const layer = "model.layers.1.";
    auto const follows = [&](std::string const& a, std::string const& b) {
      CHECK(parameters[layer + a].data() + parameters[layer + a].size() == parameters[layer + b].data());
    };
    follows("self_attn.q_proj.weight", "self_attn.k_proj.weight");
    follows("self_attn.k_proj.weight", "self_attn.v_proj.weight");
    follows("self_attn.q_proj.bias", "self_attn.k_proj.bias");
    follows("self_attn.k_proj.bias", "self_attn.v_proj.bias");
    follows("mlp.gate_proj.weight", "mlp.up_proj.weight");
  }
  CHECK_THROWS_WITH(Parameters(small_config<Llama>())["model.layers.0.self_attn.q_proj.bias"], Contains("no weight"));
}

TEMPLATE_TEST_CASE("A saved model comes back, in each type rounded to nearest even", "", Qwen2, Qwen3, Llama) {
  Folder const folder;
  auto config = small_config<TestType>(true);
  config.windows.assign(3, std::nullopt);  // which Llama's configuration cannot say
  Parameters parameters = random_parameters(config);
  parameters.save(folder.path, io::DType::F32);
  auto const same = load(folder.path);
  CHECK(std::equal(same.values().begin(), same.values().end(), parameters.values().begin()));
  CHECK(same.config().dtype == io::DType::F32);

  parameters.save(folder.path, io::DType::BF16);
  auto const bf16 = load(folder.path);
  parameters.values()[0] = 0x1.02p-20F;  // halfs: a tie, the ends of the range, subnormals
  parameters.values()[1] = 65519;
  parameters.values()[2] = 65520;
  parameters.values()[3] = 1 + 0x1p-11F;
  parameters.values()[4] = 1 + 3 * 0x1p-11F;
  parameters.values()[5] = -0x1.8p-25F;
  parameters.save(folder.path, io::DType::F16);
  auto const f16 = load(folder.path);
  CHECK(f16.values()[0] == 0x1p-20F);
  CHECK(f16.values()[1] == 65504);
  CHECK(f16.values()[2] == std::numeric_limits<float>::infinity());
  CHECK(f16.values()[3] == 1);
  CHECK(f16.values()[4] == 1 + 0x1p-9F);
  CHECK(f16.values()[5] == -0x1p-24F);
  for (std::size_t i = 10; i < parameters.values().size(); ++i) {
    CHECK(std::abs(f16.values()[i] - parameters.values()[i]) <=
          std::max(0x1p-25F, std::abs(parameters.values()[i]) * 0x1p-11F));
  }
  Parameters rounded = random_parameters(config);
  rounded.round_to_bf16();
  CHECK(std::equal(bf16.values().begin(), bf16.values().end(), rounded.values().begin()));
  CHECK_THROWS_WITH(parameters.save(folder.path, io::DType::I8), Contains("F32, BF16 or F16"));
}

TEST_CASE("Random weights depend on the seed alone and have the widths that transformers gives them") {
  Parameters a(small_config<Qwen3>());
  Parameters b(small_config<Qwen3>());
  a.initialise(3);
  b.initialise(3);
  CHECK(std::equal(a.values().begin(), a.values().end(), b.values().begin()));
  b.initialise(4);
  CHECK(a.values()[0] != b.values()[0]);
  CHECK(a["model.layers.0.self_attn.q_norm.weight"][5] == 1);
  CHECK(a["model.norm.weight"][5] == 1);
  Parameters biased(small_config<Qwen2>());
  biased.initialise(3);
  CHECK(biased["model.layers.2.self_attn.v_proj.bias"][5] == 0);
  auto const gate = biased["model.layers.1.mlp.gate_proj.weight"];
  double sum = 0;
  double squares = 0;
  for (float x : gate) {
    sum += x;
    squares += static_cast<double>(x) * x;
  }
  auto const n = static_cast<double>(gate.size());
  CHECK(std::abs(sum / n) < 4 * 0.02 / std::sqrt(n));
  CHECK(std::sqrt(squares / n) == Approx(0.02).epsilon(0.05));
}

TEST_CASE("Tensors that are missing, unknown or of another shape or type are refused by name") {
  Folder const folder;
  auto const config = small_config<Qwen2>(true);
  auto const parameters = random_parameters(config);
  parameters.save(folder.path, io::DType::F32);
  std::vector<float> const extra(67 * 40);
  auto const bytes = std::as_bytes(std::span(extra));
  auto const refuse = [&](auto const& change, std::string const& message) {
    write_tensors(parameters, folder.path, change);
    CHECK_THROWS_WITH(load(folder.path), Contains(message));
  };
  refuse([](auto& tensors) { tensors.erase(tensors.begin() + 4); }, "model.layers.0.self_attn.v_proj.weight");
  refuse([&](auto& tensors) { tensors.push_back({"model.more", io::DType::F32, {67, 40}, bytes}); }, "model.more");
  refuse([](auto& tensors) { tensors[2].shape = {40, 72}; }, "model.layers.0.self_attn.q_proj.weight");
  refuse([](auto& tensors) { tensors[2].dtype = io::DType::I32; }, "model.layers.0.self_attn.q_proj.weight");
  // As in transformers: a tied model's head and old checkpoints' frequencies are passed over.
  write_tensors(parameters, folder.path, [&](auto& tensors) {
    tensors.push_back({"lm_head.weight", io::DType::F32, {67, 40}, bytes});
    tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", io::DType::F32, {6}, bytes.first(24)});
  });
  auto const read = load(folder.path);
  CHECK(std::equal(read.values().begin(), read.values().end(), parameters.values().begin()));
}

TEST_CASE("Configurations without sense are refused") {
  auto config = small_config<Qwen2>();
  config.layers = 0;
  CHECK_THROWS_WITH(Parameters(config), Contains("num_hidden_layers is 0"));
  config = small_config<Qwen2>();
  config.kv_heads = 4;
  CHECK_THROWS_WITH(Parameters(config), Contains("num_key_value_heads divides"));
}
