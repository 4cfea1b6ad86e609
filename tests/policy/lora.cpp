// SPDX-License-Identifier: Apache-2.0
// Low-rank adapters: their derivatives against finite differences and against those of the weights they add to, the
// reference without a second copy, merging, and files in peft's form.
#include "grove/policy/lora.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/io/safetensors.hpp"
#include "support/catch.hpp"
#include "support/columns.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using Catch::Matchers::Contains;
using grove::Column;
using grove::test::all_sequences;
using Model = grove::Lora<grove::AnyCausalLm>;

grove::LoraOptions everywhere(std::size_t rank = 3) {
  return {.rank = rank, .alpha = 6, .targets = {"all-linear"}, .seed = 11};
}

/// B that says something, so that the adapters matter.
Model trained(grove::LoraOptions options = everywhere(), grove::CausalLmOptions lm = {.threads = 1}) {
  Model model(tiny::policy(lm), std::move(options));
  grove::RandomSequence random(grove::RandomStream({.seed = 8, .purpose = grove::Purpose::Initialization}));
  for (auto const& p : model.parameters())
    if (p.name.ends_with("lora_B.weight"))
      for (std::size_t i = 0; i < p.size; ++i) grove::set_value(p, i, 0.15 * random.normal());
  model.commit();
  return model;
}

template <class P>
std::vector<float> scored(P const& policy, grove::TokenTrajectories const& t) {
  std::vector<float> log_prob(t.episodes.tokens());
  policy.score(t, all_sequences(t), Column::LogProb, {.log_prob = log_prob});
  return log_prob;
}

std::vector<float> reference_scored(Model const& policy, grove::TokenTrajectories const& t) {
  std::vector<float> log_prob(t.episodes.tokens());
  policy.score_reference(t, all_sequences(t), Column::LogProb, {.log_prob = log_prob});
  return log_prob;
}

float weight_of(std::size_t i) { return 0.2f * static_cast<float>(std::sin(1.0 + static_cast<double>(i))); }

double loss(Model const& policy, grove::TokenTrajectories const& t) {
  auto const log_prob = scored(policy, t);
  double sum = 0;
  for (std::size_t i = 0; i < log_prob.size(); ++i)
    sum += static_cast<double>(weight_of(i)) * static_cast<double>(log_prob[i]);
  return sum;
}

template <class P>
std::map<std::string, std::vector<float>, std::less<>> gradients(P& policy, grove::TokenTrajectories const& t) {
  grove::zero_gradients(policy.parameters());
  policy.accumulate(t, all_sequences(t), Column::LogProb, grove::Scope::Token,
                    [&](std::size_t first, grove::TokenOutputs<float>, grove::TokenGradients<float> d) {
                      for (std::size_t i = 0; i < d.log_prob.size(); ++i) d.log_prob[i] = weight_of(first + i);
                    });
  std::map<std::string, std::vector<float>, std::less<>> result;
  for (auto const& p : policy.parameters()) {
    auto const* g = static_cast<float const*>(p.gradient);
    result[std::string(p.name)] = {g, g + p.size};
  }
  return result;
}

double norm_of(std::vector<float> const& g) {
  double sum = 0;
  for (float x : g) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

auto trainer(Model model) {
  auto algorithm = grove::GrpoTokenMean{};
  algorithm.objective.get<grove::KlInLoss<grove::K3>>().coefficient = 0.1;
  return grove::Trainer(algorithm, std::move(model), tiny::sampler(), tiny::EvenTokens{},
                        {.schedule = {.peak = 0.02, .decay = grove::Schedule::Decay::Constant}});
}

std::vector<double> values(std::vector<grove::ParameterView> const& parameters) {
  std::vector<double> all;
  for (auto const& p : parameters)
    for (std::size_t i = 0; i < p.size; ++i) all.push_back(grove::value_at(p, i));
  return all;
}

}  // namespace

TEST_CASE("at first adapters change nothing, bit for bit") {
  auto const plain = tiny::policy();
  Model model(tiny::policy(), everywhere());
  auto const t = tiny::sampler().collect(model);
  CHECK(scored(model, t) == scored(plain, t));
  auto const sampled = t.rollout_log_probs();
  CHECK(scored(plain, t) == std::vector<float>(sampled.begin(), sampled.end()));
}

TEST_CASE("sampler, scorer and trainer agree on adapted log-probs, bit for bit, with any number of threads") {
  auto const plain = tiny::policy();
  auto model = trained();
  auto const t = tiny::sampler({.problems = 5, .group = 3, .max_tokens = 20}).collect(model);
  auto const sampled = t.rollout_log_probs();
  auto const expected = scored(model, t);
  CHECK(expected == std::vector<float>(sampled.begin(), sampled.end()));
  CHECK(expected != scored(plain, t));
  auto two = trained(everywhere(), {.threads = 2, .forward_tokens = 16});
  CHECK(scored(two, t) == expected);
  CHECK(gradients(two, t) == gradients(model, t));
  std::vector<float> seen(expected.size());
  model.accumulate(t, all_sequences(t), Column::LogProb, grove::Scope::Token,
                   [&](std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float>) {
                     std::ranges::copy(out.log_prob, seen.begin() + static_cast<std::ptrdiff_t>(first));
                   });
  CHECK(seen == expected);
}

TEST_CASE("adapters get the same gradients, to the bit, where layers are computed again and logits come in pieces") {
  for (auto dtype : {grove::Dtype::F32, grove::Dtype::BF16}) {
    auto model = trained(everywhere(), {.dtype = dtype, .threads = 1});
    auto const t = tiny::sampler({.problems = 4, .group = 4, .max_tokens = 20}).collect(model);
    auto const expected = gradients(model, t);
    REQUIRE(t.episodes.tokens() > 64);
    for (bool checkpointing : {false, true})
      for (std::size_t const rows : {64, 4096}) {
        auto other = trained(everywhere(), {.dtype = dtype,
                                            .threads = 2,
                                            .gradient_checkpointing = checkpointing,
                                            .logits = rows * tiny::config().vocab_size});
        CHECK(gradients(other, t) == expected);
      }
  }
}

TEST_CASE("a clone says the same under the same version") {
  auto model = trained();
  auto const copy = model.clone();
  auto const t = tiny::sampler().collect(model);
  CHECK(scored(copy, t) == scored(model, t));
  CHECK(copy.version() == model.version());
}

TEST_CASE("the reference is the model without adapters, bit for bit") {
  auto const plain = tiny::policy();
  auto model = trained();
  auto const t = tiny::sampler().collect(model);
  CHECK(reference_scored(model, t) == scored(plain, t));
  CHECK(scored(model, t) != scored(plain, t));
  static_assert(grove::KnowsItsReference<Model>);
  static_assert(grove::KnowsItsReference<grove::WithValueHead<Model>>);
  static_assert(!grove::KnowsItsReference<grove::AnyCausalLm>);
}

TEST_CASE("along an adapter's gradient the loss rises by the gradient's norm") {
  auto model = trained();
  auto const t = tiny::sampler().collect(model);
  auto const found = gradients(model, t);
  double strongest = 0;
  for (auto const& [name, g] : found) strongest = std::max(strongest, norm_of(g));
  std::size_t checked = 0;
  for (auto const& p : model.parameters()) {
    auto const& g = found.find(p.name)->second;
    double const norm = norm_of(g);
    if (norm < 0.003 * strongest) continue;
    double const h = 0.01;
    std::vector<double> start(p.size);
    for (std::size_t i = 0; i < p.size; ++i) start[i] = grove::value_at(p, i);
    auto const moved = [&](double step) {
      for (std::size_t i = 0; i < p.size; ++i)
        grove::set_value(p, i, start[i] + step * static_cast<double>(g[i]) / norm);
      model.commit();
      return loss(model, t);
    };
    double const slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    moved(0);
    INFO(p.name << ": " << slope << " against " << norm);
    CHECK(slope == Approx(norm).epsilon(5e-3));
    ++checked;
  }
  CHECK(checked > 20);
}

TEST_CASE("adapters' gradients are those of the merged weights, projected: dA = s B' dW and dB = s dW A'") {
  auto model = trained();
  auto const t = tiny::sampler().collect(model);
  TemporaryFolder const folder("lora-merged");
  model.save(folder.path);
  auto merged = grove::AnyCausalLm::load(folder.path, {.threads = 1});
  auto const of_adapters = gradients(model, t);
  auto const of_weights = gradients(merged, t);
  double const scale = model.adapters().shape().scale;
  auto const rank = model.lora().rank;
  for (auto const& entry : model.adapters().entries()) {
    if (!entry.name.ends_with("lora_A.weight")) continue;
    std::string const stem = entry.name.substr(0, entry.name.size() - std::string("lora_A.weight").size());
    auto const& dw = of_weights.find(stem.substr(std::string("base_model.model.").size()) + "weight")->second;
    auto const values_of = [&](std::string const& name) {
      for (auto const& e : model.adapters().entries())
        if (e.name == name) return model.adapters().values().subspan(e.offset, e.size);
      return std::span<float const>();
    };
    auto const a = values_of(stem + "lora_A.weight"), b = values_of(stem + "lora_B.weight");
    auto const& da = of_adapters.find(stem + "lora_A.weight")->second;
    auto const& db = of_adapters.find(stem + "lora_B.weight")->second;
    std::size_t const in = entry.shape[1], out = dw.size() / in;
    std::vector<float> want_a(da.size()), want_b(db.size());
    for (std::size_t r = 0; r < rank; ++r) {
      for (std::size_t i = 0; i < in; ++i) {
        double sum = 0;
        for (std::size_t o = 0; o < out; ++o)
          sum += static_cast<double>(b[o * rank + r]) * static_cast<double>(dw[o * in + i]);
        want_a[r * in + i] = static_cast<float>(scale * sum);
      }
      for (std::size_t o = 0; o < out; ++o) {
        double sum = 0;
        for (std::size_t i = 0; i < in; ++i)
          sum += static_cast<double>(dw[o * in + i]) * static_cast<double>(a[r * in + i]);
        want_b[o * rank + r] = static_cast<float>(scale * sum);
      }
    }
    auto const check = [&](std::vector<float> const& got, std::vector<float> const& want) {
      std::vector<float> difference(got.size());
      for (std::size_t i = 0; i < got.size(); ++i) difference[i] = got[i] - want[i];
      INFO(entry.name << ": " << norm_of(difference) << " of " << norm_of(want));
      CHECK(norm_of(difference) <= 1e-4 * norm_of(want));
    };
    check(da, want_a);
    check(db, want_b);
  }
}

TEST_CASE("a merged model says what the adapted one says") {
  auto model = trained();
  auto const t = tiny::sampler().collect(model);
  TemporaryFolder const folder("lora-merged");
  model.save(folder.path);
  auto const merged = scored(grove::AnyCausalLm::load(folder.path, {.threads = 1}), t);
  auto const adapted = scored(model, t);
  for (std::size_t i = 0; i < merged.size(); ++i) CHECK(merged[i] == Approx(adapted[i]).margin(2e-5));
}

TEST_CASE("an adapter's files have the names and keys that peft gives them") {
  auto const model = trained({.rank = 4, .alpha = 8, .targets = {"q_proj", "down_proj"}});
  TemporaryFolder const folder("lora-adapter");
  model.save_adapter(folder.path, "some/model");
  auto const file = grove::io::SafetensorsFile::open((folder.path / "adapter_model.safetensors").string());
  auto const expected = grove::io::read_json_file(std::string(GROVE_TEST_DATA) + "/policy/peft_adapter.json");
  std::map<std::string, std::vector<std::size_t>> tensors;
  for (auto const& tensor : file.tensors()) tensors[tensor.name] = tensor.shape;
  CHECK(tensors.size() == expected["tensors"].size());
  for (auto const& [name, shape] : expected["tensors"].items()) {
    INFO(name);
    CHECK(tensors[name] == shape.get<std::vector<std::size_t>>());
  }
  auto const config = grove::io::read_json_file((folder.path / "adapter_config.json").string());
  for (auto const& [key, value] : config.items()) {
    INFO(key);
    REQUIRE(expected["config"].contains(key));
    CHECK(value == expected["config"][key]);
  }
}

TEST_CASE("an adapter loads again, also as peft writes it") {
  auto const options = everywhere();
  auto const model = trained(options);
  TemporaryFolder const folder("lora-adapter");
  model.save_adapter(folder.path, "some/model");
  CHECK(grove::read_adapter_config(folder.path).targets.size() == 7);
  Model again(tiny::policy(), options);
  auto const t = tiny::sampler().collect(again);
  again.load_adapter(folder.path);
  CHECK(scored(again, t) == scored(model, t));
  Model other(tiny::policy(), everywhere(4));
  CHECK_THROWS_WITH(other.load_adapter(folder.path), Contains("rank, alpha or target_modules are others"));
}

TEST_CASE("a step trains the adapters alone, and its KL is that to the model without them") {
  auto run = trainer(Model(tiny::policy(), everywhere()));
  auto const base = run.policy().fingerprint();
  auto const first = run.step();
  CHECK(first.updates == 1);
  CHECK(first.metrics.find("kl").value() == 0);
  for (int i = 0; i < 5; ++i) run.step();
  auto const last = run.step();
  CHECK(last.metrics.find("kl").value() > 1e-5);
  CHECK(run.policy().fingerprint() == base);
  CHECK(run.optimizer().steps() == 7);
}

TEST_CASE("training with adapters resumes bit for bit from a checkpoint of their size") {
  TemporaryFolder const folder("lora-checkpoint");
  auto whole = trainer(Model(tiny::policy(), everywhere()));
  for (int i = 0; i < 4; ++i) whole.step();
  auto part = trainer(Model(tiny::policy(), everywhere()));
  part.step();
  part.step();
  grove::Checkpoint checkpoint({.folder = folder.path, .every = 0, .asynchronous = false});
  checkpoint.finished(part);
  auto resumed = trainer(Model(tiny::policy(), everywhere()));
  grove::resume(resumed, folder.path / "checkpoint-2");
  resumed.step();
  resumed.step();
  CHECK(values(resumed.policy().parameters()) == values(whole.policy().parameters()));
  auto const written = grove::io::SafetensorsFile::open((folder.path / "checkpoint-2" / "model.safetensors").string());
  CHECK(written.tensors().size() == resumed.policy().parameters().size());

  auto other = trainer(Model(tiny::policy({.threads = 1}, 6), everywhere()));
  CHECK_THROWS_WITH(grove::resume(other, folder.path / "checkpoint-2"), Contains("belong to another model"));
}

TEST_CASE("a critic's head reads the adapted model's states") {
  grove::WithValueHead<Model> policy(trained());
  auto const t = tiny::sampler().collect(policy);
  std::vector<float> log_prob(t.episodes.tokens()), value(t.episodes.tokens());
  policy.score(t, all_sequences(t), {Column::LogProb, Column::Value}, {.log_prob = log_prob, .value = value});
  CHECK(log_prob == scored(trained(), t));
  CHECK(policy.parameters().size() == trained().parameters().size() + 2);
}

TEST_CASE("options that make no adapters are refused") {
  CHECK_THROWS_WITH(grove::adapter_shape({.rank = 0}), Contains("rank is 0"));
  CHECK_THROWS_WITH(grove::adapter_shape({.targets = {"qproj"}}), Contains("no projection 'qproj'"));
  CHECK_THROWS_WITH(Model(tiny::policy(), {.targets = {}}), Contains("no projection has one"));
  auto const plain = grove::adapter_shape({.rank = 16, .alpha = 32});
  CHECK(plain.scale == 2);
  CHECK(grove::adapter_shape({.rank = 16, .alpha = 32, .rank_stabilized = true}).scale == 8);
}
