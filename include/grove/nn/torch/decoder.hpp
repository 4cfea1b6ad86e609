// SPDX-License-Identifier: Apache-2.0
// The decoder of nn/cpu on LibTorch tensors, for any device: the same architectures, parameters and outputs, f32 or
// bf16. Products, attention and norms are ATen's; a layer's derivatives are autograd's, those of the vocabulary
// projection are closed-form, in chunks of rows. No LibTorch type shows here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "grove/io/model_config.hpp"
#include "grove/nn/cpu/adapters.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/decoder_types.hpp"
#include "grove/nn/torch/device.hpp"
#include "grove/parameter.hpp"

namespace grove::nn::torch {

namespace detail {
class Weights;
}

struct DecoderOptions {
  Device device = Device::Cpu;
  Dtype dtype = Dtype::F32;  ///< of weights and activations; logits, outputs and accumulated gradients are f32
  std::size_t logits = std::size_t{32} << 20U;  ///< how many exist at a time
  bool recompute = true;  ///< keep only the layers' inputs and run each layer again for its gradient: less memory
};

template <class Variant>
class Decoder {
 public:
  using variant = Variant;

  /// All weights 0. Throws grove::Error where the configuration is not one of this variant, for a dtype other than F32
  /// and BF16, and for a device that is not there.
  explicit Decoder(io::ModelConfig const& config, DecoderOptions options = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// Copies the weights to the device, rounded to the dtype.
  void load(cpu::Parameters const& parameters, std::uint64_t version);

  /// Copies them back, widened to f32.
  void read(cpu::Parameters& to) const;

  /// Where on the device the weights and their gradients (f32, made when first asked for) lie, in the order of
  /// cpu::Parameters. Whoever writes weights there gives them a new version.
  struct Buffers {
    void* values = nullptr;
    float* gradients = nullptr;
  };
  [[nodiscard]] Buffers buffers();
  void set_version(std::uint64_t version) noexcept;

  /// Weights leave the device for the host's memory, and come back to where they compute. In between nothing is asked
  /// of the decoder; what `buffers` told ends. Neither does anything twice.
  void offload();
  void onload();
  /// Bytes of weights and gradients on the device.
  [[nodiscard]] std::size_t device_bytes() const;

  /// Adapters that everything adds to the weights from now on, rounded to the dtype.
  void load_adapters(cpu::Adapters const& adapters, std::uint64_t version);

  [[nodiscard]] std::uint64_t version() const noexcept;
  [[nodiscard]] io::ModelConfig const& config() const noexcept;
  [[nodiscard]] Dtype dtype() const noexcept;
  [[nodiscard]] std::size_t vocab_size() const noexcept { return config().vocab_size; }

  /// As cpu::Decoder::score: the wanted outputs of the wanted rows, no gradients. Throws grove::Error as it does.
  void score(PackedBatch batch, HeadRows rows, HeadOutputs outputs, Adapted adapted = Adapted::Yes) const;

  /// Forward, `f` on the outputs of all rows, backward; the gradients are added up on the device. Throws grove::Error
  /// where there are adapters.
  void accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                  LayerDone const& done = {});
  /// The same for the adapters that are loaded, whose gradients are added to those on the host, layer by layer; the
  /// weights have none.
  void accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                  cpu::Adapters& gradients, LayerDone const& done = {});

  /// Adds what `accumulate` has gathered to `to`, and sets it to 0.
  void take_gradients(cpu::Parameters& to);

  struct Impl;
  [[nodiscard]] Impl const& impl() const noexcept { return *impl_; }

 private:
  template <class Collect>
  void pass(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f, detail::Weights* trained,
            Collect const& collect);

  std::unique_ptr<Impl> impl_;
};

extern template class Decoder<Qwen2>;
extern template class Decoder<Qwen3>;
extern template class Decoder<Llama>;

}  // namespace grove::nn::torch
