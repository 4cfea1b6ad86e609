// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace grove::metrics {

/// How many bytes of a TensorBoard event file are whole, unbroken records up to that step: what a resumed run keeps.
std::size_t bytes_up_to(std::string_view file, std::uint64_t last_step);

/// Cuts the event files of a folder after the records of that step. Throws Error where one cannot be read or cut.
void cut_event_files(std::filesystem::path const& folder, std::uint64_t last_step);

}  // namespace grove::metrics
