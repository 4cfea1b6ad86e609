// SPDX-License-Identifier: Apache-2.0
#include "grove/io/weight_folder.hpp"

#include <filesystem>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/json.hpp"

namespace grove::io {
namespace {

namespace fs = std::filesystem;

/// A shard is a plain name in the same folder: an index must not reach elsewhere.
bool is_plain_name(std::string const& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos && name.find('\0') == name.npos;
}

}  // namespace

void WeightFolder::add_shard(std::string const& path) {
  shards_.push_back(SafetensorsFile::open(path));
  for (TensorInfo const& info : shards_.back().tensors()) {
    if (!shard_of_.emplace(info.name, shards_.size() - 1).second)
      throw Error(path, "holds the tensor " + excerpt(Json(info.name)) + ", which another shard holds too",
                  "each tensor once");
    names_.push_back(info.name);
  }
}

WeightFolder WeightFolder::open(std::string const& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) throw Error(folder, "is not a folder", "a Hugging Face model folder");
  fs::path const single = fs::path(folder) / "model.safetensors";
  fs::path const index = fs::path(folder) / "model.safetensors.index.json";

  WeightFolder result;
  if (fs::exists(single, ignored)) {
    result.path_ = single.string();
    result.add_shard(result.path_);
    return result;
  }
  result.path_ = index.string();
  if (!fs::exists(index, ignored))
    throw Error(folder, "holds no weights", "model.safetensors or model.safetensors.index.json",
                "convert other formats with transformers' save_pretrained");

  Json const json = read_json_file(result.path_);
  JsonFields const fields(json, result.path_);
  Json const* const map = fields.find("weight_map");
  if (map == nullptr || !map->is_object()) fields.refuse("weight_map", "an object from tensor names to file names");
  std::unordered_map<std::string, std::size_t> shard_numbers;
  for (auto const& [name, file] : map->get_ref<Json::object_t const&>()) {
    std::string const where = result.path_ + ": weight_map[" + excerpt(Json(name)) + "]";
    if (!file.is_string() || !is_plain_name(file.get_ref<std::string const&>()))
      throw Error(where, "is " + excerpt(file), "the name of a file in the same folder");
    std::string const& shard = file.get_ref<std::string const&>();
    if (shard_numbers.emplace(shard, result.shards_.size()).second)
      result.add_shard((fs::path(folder) / shard).string());
    if (result.shards_[shard_numbers.at(shard)].find(name) == nullptr)
      throw Error(where, "the shard " + shard + " has no such tensor", "the tensor in the shard that the index names");
  }
  if (result.names_.size() != map->size())
    for (std::string const& name : result.names_)
      if (JsonFields(*map, result.path_).find(name) == nullptr)
        throw Error(result.shards_[result.shard_of_.at(name)].path(),
                    "holds the tensor " + excerpt(Json(name)) + ", which the index does not name",
                    "shards that match the index");
  return result;
}

std::optional<TensorRef> WeightFolder::find(std::string_view name) const {
  auto const found = shard_of_.find(std::string(name));
  if (found == shard_of_.end()) return std::nullopt;
  SafetensorsFile const& shard = shards_[found->second];
  return shard.ref(*shard.find(name));
}

TensorRef WeightFolder::require(std::string_view name, std::vector<std::size_t> const& shape) const {
  std::optional<TensorRef> const tensor = find(name);
  if (!tensor) throw Error(path_, "lacks the tensor " + excerpt(Json(name)), "one of shape " + shape_text(shape));
  if (tensor->info->shape != shape)
    throw Error(*tensor->file + ": tensor " + excerpt(Json(name)), "has shape " + shape_text(tensor->info->shape),
                shape_text(shape) + " from config.json");
  return *tensor;
}

}  // namespace grove::io
