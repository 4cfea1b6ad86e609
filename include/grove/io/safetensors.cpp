// SPDX-License-Identifier: Apache-2.0
#include "grove/io/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/bf16.hpp"
#include "grove/io/json.hpp"

namespace grove::io {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and used in place");

constexpr std::size_t length_bytes = 8;
constexpr std::size_t max_header_bytes = 100'000'000;  // the bound of the reference implementation

/// For messages: control characters escaped, long names cut.
std::string in_quotes(std::string const& name) { return excerpt(Json(name)); }

/// Bytes that the shape and type need, or none on overflow.
std::optional<std::size_t> bytes_of(std::vector<std::size_t> const& shape, DType dtype) {
  if (std::find(shape.begin(), shape.end(), std::size_t{0}) != shape.end()) return 0;
  std::size_t bytes = size_of(dtype);
  for (std::size_t const n : shape) {
    if (bytes > std::numeric_limits<std::size_t>::max() / n) return std::nullopt;
    bytes *= n;
  }
  return bytes;
}

std::vector<std::size_t> sizes_of(JsonFields const& fields, char const* key) {
  char const* const expected = "a list of integers >= 0";
  Json const* const list = fields.find(key);
  if (list == nullptr || !list->is_array()) fields.refuse(key, expected);
  std::vector<std::size_t> sizes;
  for (Json const& value : *list) {
    if (!value.is_number_unsigned()) fields.refuse(key, expected);
    sizes.push_back(value.get<std::size_t>());
  }
  return sizes;
}

TensorInfo tensor_of(std::string const& name, Json const& entry, std::size_t data_bytes, std::string const& source) {
  JsonFields const fields(entry, source + ": tensor " + in_quotes(name));
  for (auto const& member : entry.items())
    if (member.key() != "dtype" && member.key() != "shape" && member.key() != "data_offsets")
      throw Error(fields.where(), "unknown key " + in_quotes(member.key()), "dtype, shape and data_offsets");

  auto const dtype = dtype_of_safetensors_name(fields.required<std::string>("dtype"));
  if (!dtype) fields.refuse("dtype", "a type such as F32, BF16 or F16");
  TensorInfo info{name, *dtype, sizes_of(fields, "shape")};

  std::vector<std::size_t> const offsets = sizes_of(fields, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) fields.refuse("data_offsets", "[begin, end] with begin <= end");
  if (offsets[1] > data_bytes)
    fields.refuse("data_offsets", "an end within the " + std::to_string(data_bytes) + " bytes of data in the file");
  info.begin = offsets[0];
  info.end = offsets[1];

  auto const needed = bytes_of(info.shape, info.dtype);
  if (needed != info.end - info.begin)
    throw Error(fields.where(), "has " + std::to_string(info.end - info.begin) + " bytes",
                (needed ? std::to_string(*needed) + " bytes" : "a possible size") + " for shape " +
                    shape_text(info.shape) + " of " + std::string(safetensors_name(info.dtype)));
  return info;
}

TensorMetadata metadata_of(Json const& entry, std::string const& source) {
  TensorMetadata metadata;
  JsonFields const fields(entry, source + ": __metadata__");
  for (auto const& member : entry.items()) {
    if (!member.value().is_string()) fields.refuse(member.key(), "a string");
    metadata.emplace_back(member.key(), member.value().get<std::string>());
  }
  return metadata;
}

/// Every byte of the data section belongs to exactly one tensor.
void check_cover(std::vector<TensorInfo> const& tensors, std::size_t data_bytes, std::string const& source) {
  std::vector<TensorInfo const*> order;
  for (TensorInfo const& info : tensors) order.push_back(&info);
  std::sort(order.begin(), order.end(), [](TensorInfo const* a, TensorInfo const* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::size_t covered = 0;
  for (TensorInfo const* info : order) {
    if (info->begin != covered)
      throw Error(source + ": tensor " + in_quotes(info->name),
                  "its data starts at byte " + std::to_string(info->begin) +
                      (info->begin < covered ? ", inside another tensor" : ", after a gap"),
                  "it to start at byte " + std::to_string(covered));
    covered = info->end;
  }
  if (covered != data_bytes)
    throw Error(source, "has " + std::to_string(data_bytes) + " bytes of data",
                "the " + std::to_string(covered) + " bytes that its tensors cover");
}

}  // namespace

std::string shape_text(std::vector<std::size_t> const& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(shape[i]);
  }
  text += ']';
  return text;
}

TensorHeader parse_safetensors(std::span<const std::byte> file, std::string const& source) {
  if (file.size() < length_bytes)
    throw Error(source, "is truncated: " + std::to_string(file.size()) + " bytes", "a safetensors file");
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), length_bytes);
  if (header_bytes > max_header_bytes)
    throw Error(source, "announces a header of " + std::to_string(header_bytes) + " bytes",
                "a safetensors file, whose header has at most " + std::to_string(max_header_bytes));
  if (header_bytes > file.size() - length_bytes)
    throw Error(
        source, "is truncated: its header of " + std::to_string(header_bytes) + " bytes goes beyond the file",
        "at least " + std::to_string(header_bytes + length_bytes) + " bytes, it has " + std::to_string(file.size()));

  TensorHeader header;
  header.data_begin = length_bytes + static_cast<std::size_t>(header_bytes);
  std::size_t const data_bytes = file.size() - header.data_begin;
  std::string_view const text(reinterpret_cast<char const*>(file.data()) + length_bytes, header_bytes);
  Json const json = parse_json_line(text, source + ": header", {.depth = 8, .bytes = max_header_bytes});
  JsonFields const fields(json, source + ": header");
  header.tensors.reserve(json.size());
  for (auto const& [name, entry] : json.get_ref<Json::object_t const&>()) {
    if (name == "__metadata__") {
      header.metadata = metadata_of(entry, source);
    } else {
      header.tensors.push_back(tensor_of(name, entry, data_bytes, source));
    }
  }
  check_cover(header.tensors, data_bytes, source);
  return header;
}

SafetensorsFile SafetensorsFile::open(std::string path) {
  SafetensorsFile result;
  result.path_ = std::make_unique<std::string const>(std::move(path));
  result.file_ = MappedFile::open(*result.path_);
  result.header_ = parse_safetensors(result.file_.bytes(), *result.path_);
  auto const& tensors = result.header_.tensors;
  result.index_.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) result.index_.emplace(tensors[i].name, i);
  return result;
}

TensorInfo const* SafetensorsFile::find(std::string_view name) const {
  auto const found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.tensors[found->second];
}

namespace {

template <typename Convert>
void convert_halves(std::byte const* from, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, from + 2 * i, 2);
    out[i] = convert(bits);
  }
}

}  // namespace

void read_f32(TensorRef tensor, std::span<float> out) {
  TensorInfo const& info = *tensor.info;
  if (out.size() != info.elements())
    throw Error(*tensor.file + ": tensor " + in_quotes(info.name),
                "has " + std::to_string(info.elements()) + " elements in shape " + shape_text(info.shape),
                std::to_string(out.size()) + " elements");
  switch (info.dtype) {
    case DType::F32:
      if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), out.size_bytes());
      return;
    case DType::BF16:
      return convert_halves(tensor.bytes.data(), out, bf16_to_f32);
    case DType::F16:
      return convert_halves(tensor.bytes.data(), out, f16_to_f32);
    default:
      throw Error(*tensor.file + ": tensor " + in_quotes(info.name),
                  "is of type " + std::string(safetensors_name(info.dtype)), "F32, BF16 or F16");
  }
}

std::vector<std::uint16_t> to_bf16(std::span<const float> values) {
  std::vector<std::uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), f32_to_bf16);
  return bits;
}

void write_safetensors(std::string const& path, std::span<const TensorView> tensors, TensorMetadata const& metadata) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return size_of(tensors[a].dtype) > size_of(tensors[b].dtype); });

  Json header = Json::object();
  Json::object_t::Container& members = header.get_ref<Json::object_t&>();  // appends without a search
  if (!metadata.empty()) {
    Json pairs = Json::object();
    for (auto const& [key, value] : metadata) pairs[key] = value;
    members.emplace_back("__metadata__", std::move(pairs));
  }
  std::unordered_set<std::string_view> names{"__metadata__"};
  std::size_t offset = 0;
  for (std::size_t const i : order) {
    TensorView const& tensor = tensors[i];
    auto const where = [&] { return path + ": tensor " + in_quotes(tensor.name); };
    if (!names.insert(tensor.name).second) throw Error(where(), "is given twice or a reserved name", "one name each");
    if (bytes_of(tensor.shape, tensor.dtype) != tensor.bytes.size())
      throw Error(where(), std::to_string(tensor.bytes.size()) + " bytes given",
                  "as many as shape " + shape_text(tensor.shape) + " of " +
                      std::string(safetensors_name(tensor.dtype)) + " has");
    members.emplace_back(tensor.name, Json{{"dtype", safetensors_name(tensor.dtype)},
                                           {"shape", tensor.shape},
                                           {"data_offsets", {offset, offset + tensor.bytes.size()}}});
    offset += tensor.bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');

  std::uint64_t const header_bytes = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(text);
  for (std::size_t const i : order) file.write(tensors[i].bytes);
  file.commit();
}

}  // namespace grove::io
