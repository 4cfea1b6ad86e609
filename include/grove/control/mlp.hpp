// SPDX-License-Identifier: Apache-2.0
// A multi-layer perceptron of fixed sizes in single precision, with its derivative written out: no graph, no tensor
// library, no allocation.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "grove/control/activation.hpp"
#include "grove/control/small_matrix.hpp"

namespace grove::control {

/// Where a layer's weights and biases lie in the block of parameters. Weights [inputs x outputs] are stored output by
/// output (as torch does) where there are few outputs, else input by input.
struct LayerPlace {
  std::size_t inputs = 0, outputs = 0;
  std::size_t weights = 0, biases = 0;  ///< offsets
  bool by_output = false;
};

/// `Sizes` are input, hidden layers and output; hidden layers end with Activation, the last one is linear. All members
/// are static: the parameters are one block of floats that the caller owns, and a batch is columns of at most
/// `columns_at_once` numbers each, input by input.
template <class Activation, std::size_t... Sizes>
class Mlp {
 public:
  static_assert(sizeof...(Sizes) >= 2, "grove::control::Mlp: give at least the sizes of input and output.");

  static constexpr std::array<std::size_t, sizeof...(Sizes)> sizes{Sizes...};
  static constexpr std::size_t layers = sizes.size() - 1;
  static constexpr std::size_t inputs = sizes.front(), outputs = sizes.back();
  static constexpr std::size_t widest = std::max({Sizes...});
  /// Columns that are worked on together: their activations fit a first-level cache.
  static constexpr std::size_t columns_at_once = 66;

  static constexpr std::array<LayerPlace, layers> places = [] {
    std::array<LayerPlace, layers> out{};
    std::size_t offset = 0;
    for (std::size_t l = 0; l < layers; ++l) {
      out[l] = {sizes[l], sizes[l + 1], offset, offset + sizes[l] * sizes[l + 1], sizes[l + 1] < 4};
      offset = out[l].biases + sizes[l + 1];
    }
    return out;
  }();
  static constexpr std::size_t parameters = places.back().biases + outputs;
  /// Numbers a column that `forward` keeps for `backward`; the last `outputs` rows of them are the result.
  static constexpr std::size_t kept = (Sizes + ...) - inputs;

  /// The outputs [outputs x n] lie at the end of `activations` [kept * n].
  static void forward(float const* parameters, float const* input, std::size_t n, float* activations) {
    forward_layers(parameters, input, n, activations, std::make_index_sequence<layers>{});
  }
  static float* result(float* activations, std::size_t n) { return activations + (kept - outputs) * n; }
  static float const* result(float const* activations, std::size_t n) { return activations + (kept - outputs) * n; }

  /// What `backward` needs besides, made once for each state of the parameters.
  struct Scratch {
    Eigen::VectorXf transposed = Eigen::VectorXf::Zero(transposed_size);
    Eigen::VectorXf ahead = Eigen::VectorXf::Zero(widest * columns_at_once);
    Eigen::VectorXf behind = Eigen::VectorXf::Zero(widest * columns_at_once);
  };
  static void transpose(float const* parameters, Scratch& scratch) {
    transpose_layers(parameters, scratch, std::make_index_sequence<layers>{});
  }

  /// Adds the derivatives with respect to the parameters, given those with respect to the outputs [outputs x n].
  static void backward(float const* parameters, float const* input, float const* activations, float const* d_output,
                       std::size_t n, float* gradient, Scratch& scratch) {
    std::copy_n(d_output, outputs * n, scratch.ahead.data());
    backward_layers(parameters, input, activations, n, gradient, scratch, std::make_index_sequence<layers>{});
  }

 private:
  static constexpr std::size_t transposed_size = places.back().biases;

  /// Where layer l's outputs begin, in numbers a column.
  static constexpr std::size_t start_of(std::size_t l) {
    std::size_t start = 0;
    for (std::size_t k = 1; k <= l; ++k) start += sizes[k];
    return start;
  }

  template <std::size_t... L>
  static void forward_layers(float const* parameters, float const* input, std::size_t n, float* activations,
                             std::index_sequence<L...>) {
    (forward_layer<L>(parameters, input, n, activations), ...);
  }

  template <std::size_t L>
  static void forward_layer(float const* parameters, float const* input, std::size_t n, float* activations) {
    constexpr auto place = places[L];
    float const* x = L == 0 ? input : activations + start_of(L == 0 ? 0 : L - 1) * n;
    float* y = activations + start_of(L) * n;
    float const* weights = parameters + place.weights;
    float const* biases = parameters + place.biases;
    if constexpr (place.by_output) {
      using Row = Eigen::Matrix<float, place.inputs, 1>;
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t o = 0; o < place.outputs; ++o)
          y[j * place.outputs + o] =
              biases[o] +
              Eigen::Map<Row const>(weights + o * place.inputs).dot(Eigen::Map<Row const>(x + j * place.inputs));
    } else {
      detail::multiply<place.outputs, detail::Onto::Column>(weights, place.inputs, {x, 1, place.inputs}, y, n, biases);
    }
    if constexpr (L + 1 < layers) Activation::apply(y, n * place.outputs);
  }

  template <std::size_t... L>
  static void transpose_layers(float const* parameters, Scratch& scratch, std::index_sequence<L...>) {
    (transpose_layer<L>(parameters, scratch), ...);
  }

  template <std::size_t L>
  static void transpose_layer(float const* parameters, Scratch& scratch) {
    constexpr auto place = places[L];
    if constexpr (L > 0 && !place.by_output) {
      Eigen::Map<Eigen::Matrix<float, place.outputs, place.inputs> const> const from(parameters + place.weights);
      Eigen::Map<Eigen::Matrix<float, place.inputs, place.outputs>> to(scratch.transposed.data() + place.weights);
      to = from.transpose();
    }
  }

  template <std::size_t... L>
  static void backward_layers(float const* parameters, float const* input, float const* activations, std::size_t n,
                              float* gradient, Scratch& scratch, std::index_sequence<L...>) {
    (backward_layer<layers - 1 - L>(parameters, input, activations, n, gradient, scratch), ...);
  }

  /// `scratch.ahead` holds the derivatives of the layer's outputs; after it those of its inputs.
  template <std::size_t L>
  static void backward_layer(float const* parameters, float const* input, float const* activations, std::size_t n,
                             float* gradient, Scratch& scratch) {
    using detail::Onto;
    constexpr auto place = places[L];
    constexpr auto in = place.inputs, out = place.outputs;
    float const* x = L == 0 ? input : activations + start_of(L == 0 ? 0 : L - 1) * n;
    float const* d = scratch.ahead.data();
    float const one = 1.0f;
    detail::multiply<out, Onto::Itself>(d, n, {&one, 0, 0}, gradient + place.biases, 1, nullptr);
    if constexpr (place.by_output)
      detail::multiply<in, Onto::Itself>(x, n, {d, out, 1}, gradient + place.weights, out, nullptr);
    else
      detail::multiply<out, Onto::Itself>(d, n, {x, in, 1}, gradient + place.weights, in, nullptr);
    if constexpr (L > 0) {
      float const* weights = place.by_output ? parameters + place.weights : scratch.transposed.data() + place.weights;
      detail::multiply<in, Onto::Zero>(weights, out, {d, 1, out}, scratch.behind.data(), n, nullptr);
      Activation::chain(x, scratch.behind.data(), n * in);
      scratch.ahead.swap(scratch.behind);
    }
  }
};

}  // namespace grove::control
