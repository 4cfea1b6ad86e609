// SPDX-License-Identifier: Apache-2.0
// open_rs report: what run folders hold, as the JSON that the page draws from.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "grove/io/json.hpp"

namespace open_rs {

struct ReportLimits {
  std::size_t completions = 240;   ///< of each run in the browser, evenly over the steps
  std::size_t characters = 20000;  ///< of one completion; the rest is cut and said so
};

/// A run: {"name", "metrics": {name: [[step, value]...]}, "completions": [...], "evaluations": {...}}. Training folders
/// hold metrics.jsonl (and completions.jsonl), evaluations results.json; a training folder's subfolders may be
/// evaluations. Throws grove::Error for a folder that is neither.
grove::io::Json read_run(std::filesystem::path const& folder, std::string const& name,
                         std::filesystem::path const& recording, ReportLimits const& limits);

/// The figures of the paper (arXiv 2503.16219) and those who measured its checkpoints again.
grove::io::Json paper_figures();

/// The page, whole: styles, script and data in one file that asks the network for nothing.
std::string report_page(grove::io::Json const& data);

}  // namespace open_rs
