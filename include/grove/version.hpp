// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace grove {

/// The library's version (semantic versioning). This file is the one place that states it: CMake reads it from here.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

/// The same, written out.
inline constexpr std::string_view version = "0.1.0";

}  // namespace grove
