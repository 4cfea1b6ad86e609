// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/weight_source.hpp"

#include <algorithm>
#include <cstring>

#include "grove/io/dtype.hpp"
#include "grove/io/safetensors.hpp"

namespace grove::nn::cpu {

WeightSource::WeightSource(Parameters const& parameters)
    : config_(parameters.config()),
      parameters_(&parameters),
      entries_(parameters.entries().begin(), parameters.entries().end()) {}

WeightSource::WeightSource(io::WeightFolder const& folder, io::ModelConfig const& config)
    : config_(config), folder_(&folder), entries_(Parameters::list(config)) {
  Parameters::check_names(folder, config, entries_);
  for (auto const& entry : entries_) tensors_.push_back(folder.require(entry.name, entry.shape));
}

// f(entry, from, count, done): `count` values of an entry from `from` on, after `done` others.
template <class F>
void WeightSource::each_part(std::size_t offset, std::size_t n, F&& f) const {
  auto at = std::ranges::upper_bound(entries_, offset, {}, &Parameters::Entry::offset) - entries_.begin() - 1;
  for (std::size_t done = 0; done < n; ++at) {
    auto const& entry = entries_[static_cast<std::size_t>(at)];
    std::size_t const from = offset + done - entry.offset;
    std::size_t const count = std::min(entry.size - from, n - done);
    f(static_cast<std::size_t>(at), from, count, done);
    done += count;
  }
}

void WeightSource::read(std::size_t offset, std::span<float> out) const {
  if (parameters_ != nullptr) {
    std::ranges::copy(parameters_->values().subspan(offset, out.size()), out.begin());
    return;
  }
  each_part(offset, out.size(), [&](std::size_t i, std::size_t from, std::size_t count, std::size_t done) {
    auto const& tensor = tensors_[i];
    std::size_t const width = io::size_of(tensor.info->dtype);
    io::TensorInfo const part{tensor.info->name, tensor.info->dtype, {count}, 0, count * width};
    io::read_f32({&part, tensor.bytes.subspan(from * width, count * width), tensor.file}, out.subspan(done, count));
  });
}

std::span<float const> WeightSource::floats(std::size_t offset, std::size_t n, std::vector<float>& scratch) const {
  if (parameters_ != nullptr) return parameters_->values().subspan(offset, n);
  scratch.resize(n);
  read(offset, scratch);
  return scratch;
}

std::span<std::uint16_t const> WeightSource::bf16(std::size_t offset, std::size_t n,
                                                  std::vector<std::uint16_t>& scratch) const {
  if (parameters_ != nullptr) return {};
  bool all = true;
  std::span<std::uint16_t const> whole;
  each_part(offset, n, [&](std::size_t i, std::size_t from, std::size_t count, std::size_t) {
    all = all && tensors_[i].info->dtype == io::DType::BF16;
    auto const* const bits = reinterpret_cast<std::uint16_t const*>(tensors_[i].bytes.data()) + from;
    bool const aligned = reinterpret_cast<std::uintptr_t>(bits) % alignof(std::uint16_t) == 0;
    if (all && aligned && count == n) whole = {bits, n};
  });
  if (!all || !whole.empty()) return whole;
  scratch.resize(n);
  each_part(offset, n, [&](std::size_t i, std::size_t from, std::size_t count, std::size_t done) {
    std::memcpy(scratch.data() + done, tensors_[i].bytes.data() + 2 * from, 2 * count);
  });
  return scratch;
}

}  // namespace grove::nn::cpu
