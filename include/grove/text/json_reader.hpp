// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/token_id.hpp"

/// Reads JSON files of any size and malformation: one Error that names the file, never a crash.
namespace grove::text::detail {

/// A JSON file, its two huge parts kept out of the tree: they would take most of the loading time.
struct JsonFile {
  nlohmann::json tree;
  std::vector<std::pair<std::string, TokenId>> vocabulary;  ///< `model.vocab`, if that is an object
  std::vector<std::pair<std::string, std::string>> merges;  ///< `model.merges`, if that is an array
  bool has_vocabulary = false;
  bool has_merges = false;
};

/// The bytes of a file. Throws Error if it cannot be read or is larger than 1 GiB.
std::string read_text_file(std::filesystem::path const& file);

/// Throws Error if the text is not JSON or is nested more than 64 deep; `name` is the file in errors.
JsonFile parse_json(std::string_view text, std::string const& name);

}  // namespace grove::text::detail
