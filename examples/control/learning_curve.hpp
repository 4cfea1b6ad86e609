// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace control_example {

/// Return of a policy after so many environment steps.
struct CurvePoint {
  std::size_t steps = 0;
  double value = 0;
};

/// What a run achieved on the way.
struct LearningCurve {
  std::string title{};
  std::vector<CurvePoint> training{};    ///< mean return of the last hundred episodes, as they were explored
  std::vector<CurvePoint> evaluation{};  ///< mean return of greedy episodes
  double solved = 0;                     ///< drawn as a dashed line
};

/// The curve as an SVG drawing.
std::string to_svg(LearningCurve const& curve);

/// learning_curve.svg and learning_curve.csv (kind,steps,return) in a folder, which is made.
void write(LearningCurve const& curve, std::filesystem::path const& folder);

}  // namespace control_example
