// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "grove/random.hpp"

namespace grove::control {

/// A uniformly drawn matrix [rows x columns], row by row, whose rows or columns (the fewer) are orthogonal and of
/// length `gain` (Saxe et al., arXiv 1312.6120): Gaussian numbers made orthogonal by Gram and Schmidt's method, twice
/// for the sake of rounding, which is the Q of a QR decomposition with a positive diagonal of R, as in
/// torch.nn.init.orthogonal_.
inline std::vector<float> orthogonal_matrix(std::size_t rows, std::size_t columns, double gain,
                                            RandomSequence& random) {
  auto const count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> vectors(count * length);
  for (double& x : vectors) x = random.normal();
  for (std::size_t i = 0; i < count; ++i) {
    double* const v = vectors.data() + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t k = 0; k < i; ++k) {
        double const* const u = vectors.data() + k * length;
        double dot = 0;
        for (std::size_t j = 0; j < length; ++j) dot += u[j] * v[j];
        for (std::size_t j = 0; j < length; ++j) v[j] -= dot * u[j];
      }
      double squares = 0;
      for (std::size_t j = 0; j < length; ++j) squares += v[j] * v[j];
      double const scale = 1.0 / std::sqrt(squares);
      for (std::size_t j = 0; j < length; ++j) v[j] *= scale;
    }
  }
  std::vector<float> matrix(rows * columns);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      matrix[r * columns + c] =
          static_cast<float>(gain * (rows <= columns ? vectors[r * length + c] : vectors[c * length + r]));
  return matrix;
}

}  // namespace grove::control
