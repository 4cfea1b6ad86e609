// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/value_head.hpp"

#include <algorithm>
#include <cstring>

#include "grove/error.hpp"
#include "grove/io/safetensors.hpp"

namespace grove {
namespace {

constexpr char const* weight_name = "value_head.weight";
constexpr char const* bias_name = "value_head.bias";

void read(io::SafetensorsFile const& file, char const* name, std::vector<std::size_t> const& shape,
          std::span<float> to) {
  auto const* info = file.find(name);
  if (info == nullptr || info->dtype != io::DType::F32 || info->shape != shape)
    throw Error(file.path(), info == nullptr ? "has no tensor " + std::string(name) : "tensor " + std::string(name),
                "F32 of shape " + io::shape_text(shape), "a head belongs to the model it was saved with");
  std::memcpy(to.data(), file.bytes(*info).data(), to.size_bytes());
}

}  // namespace

ValueHead::ValueHead(std::size_t width, ValueHeadOptions options)
    : options_(options), shape_{1, width}, values_(width + 1), gradients_(width + 1) {}

void ValueHead::values(std::span<float const> states, std::span<float> values) const {
  auto const n = width();
  for (std::size_t row = 0; row < values.size(); ++row) {
    auto sum = static_cast<double>(values_[n]);
    for (std::size_t i = 0; i < n; ++i)
      sum += static_cast<double>(values_[i]) * static_cast<double>(states[row * n + i]);
    values[row] = static_cast<float>(sum);
  }
}

void ValueHead::backward(std::span<float const> states, std::span<float const> d_values, std::span<float> d_states) {
  auto const n = width();
  for (std::size_t row = 0; row < d_values.size(); ++row) {
    float const d = d_values[row];
    for (std::size_t i = 0; i < n; ++i) gradients_[i] += d * states[row * n + i];
    for (std::size_t i = 0; i < n; ++i) d_states[row * n + i] += d * values_[i];
    gradients_[n] += d;
  }
}

std::vector<ParameterView> ValueHead::parameters() {
  auto const n = width();
  ParameterView const weight{.name = weight_name,
                             .shape = shape_,
                             .size = n,
                             .value = values_.data(),
                             .gradient = gradients_.data(),
                             .rate = options_.rate,
                             .critic = true};
  ParameterView const bias{.name = bias_name,
                           .shape = one_,
                           .size = 1,
                           .value = values_.data() + n,
                           .gradient = gradients_.data() + n,
                           .decay = false,
                           .rate = options_.rate,
                           .critic = true};
  return {weight, bias};
}

void ValueHead::save(std::filesystem::path const& folder) const {
  auto const bytes = std::as_bytes(std::span(values_));
  std::vector<io::TensorView> const tensors = {
      {.name = weight_name, .dtype = io::DType::F32, .shape = shape_, .bytes = bytes.first(width() * sizeof(float))},
      {.name = bias_name, .dtype = io::DType::F32, .shape = one_, .bytes = bytes.last(sizeof(float))}};
  io::write_safetensors((folder / file_name).string(), tensors, {});
}

void ValueHead::load(std::filesystem::path const& folder) {
  auto const path = folder / file_name;
  if (!std::filesystem::exists(path)) return;
  auto const file = io::SafetensorsFile::open(path.string());
  read(file, weight_name, shape_, std::span(values_).first(width()));
  read(file, bias_name, one_, std::span(values_).last(1));
}

}  // namespace grove
