// SPDX-License-Identifier: Apache-2.0
#include "grove/io/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "grove/io/bf16.hpp"
#include "grove/io/json.hpp"
#include "grove/io/weight_folder.hpp"
#include "io/helpers.hpp"

using namespace grove::io;
using grove::test::contains;
using grove::test::error_of;
using grove::test::TemporaryFolder;

namespace {

std::string const data = GROVE_TEST_DATA "/io/safetensors";

Json expected() { return read_json_file(data + "/expected.json"); }

/// A safetensors file with that header and so many bytes of data.
std::string file_of(std::string const& header, std::size_t data_bytes) {
  std::uint64_t const length = header.size();
  std::string text(sizeof length, '\0');
  std::memcpy(text.data(), &length, sizeof length);
  return text + header + std::string(data_bytes, '\0');
}

TensorHeader parse(std::string const& file) {
  return parse_safetensors(std::as_bytes(std::span(file.data(), file.size())), "w.safetensors");
}

std::string parse_error(std::string const& header, std::size_t data_bytes) {
  return error_of([&] { parse(file_of(header, data_bytes)); });
}

void check_values(TensorRef tensor, Json const& wanted) {
  INFO(tensor.info->name);
  CHECK(tensor.info->shape == wanted["shape"].get<std::vector<std::size_t>>());
  std::vector<float> values(tensor.info->elements());
  read_f32(tensor, values);
  REQUIRE(values.size() == wanted["bits"].size());
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK(std::bit_cast<std::int32_t>(values[i]) == wanted["bits"][i].get<std::int32_t>());
}

template <typename T>
std::span<const std::byte> bytes_of(std::vector<T> const& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

TEST_CASE("a file of the reference implementation reads as torch reads it") {
  SafetensorsFile const file = SafetensorsFile::open(data + "/mixed.safetensors");
  CHECK(file.tensors().size() == 7);
  TensorMetadata metadata = file.metadata();
  std::sort(metadata.begin(), metadata.end());  // the reference implementation's order is random
  CHECK(metadata == TensorMetadata{{"format", "pt"}, {"note", "hello"}});
  Json const tensors = expected()["tensors"];
  for (char const* name : {"a.f32", "b.bf16", "c.f16", "d.scalar", "e.empty"})
    check_values(file.ref(*file.find(name)), tensors[name]);
  CHECK(file.find("nothing") == nullptr);

  TensorInfo const& whole = *file.find("f.i64");
  CHECK(whole.dtype == DType::I64);
  std::vector<float> out(3);
  CHECK(contains(error_of([&] { read_f32(file.ref(whole), out); }),
                 "mixed.safetensors: tensor \"f.i64\": is of type I64; expected F32"));
  CHECK(contains(error_of([&] { read_f32(file.ref(*file.find("a.f32")), out); }),
                 "has 15 elements in shape [3,5]; expected 3"));
}

TEST_CASE("f32 rounds to bf16 as torch rounds") {
  Json const rounding = expected()["rounding"];
  REQUIRE(rounding["f32"].size() > 70);
  for (std::size_t i = 0; i < rounding["f32"].size(); ++i) {
    auto const bits = static_cast<std::uint32_t>(rounding["f32"][i].get<std::int64_t>());
    CHECK(f32_to_bf16(std::bit_cast<float>(bits)) == rounding["bf16"][i].get<unsigned>());
  }
}

TEST_CASE("shards read as one folder") {
  WeightFolder const folder = WeightFolder::open(data + "/sharded");
  CHECK(folder.names().size() == 3);
  Json const tensors = expected()["tensors"];
  for (char const* name : {"x", "y", "z"}) check_values(*folder.find(name), tensors[name]);
  CHECK(!folder.find("nothing"));
  CHECK(folder.require("x", {2, 3}).info->name == "x");
  CHECK(contains(error_of([&] { folder.require("w", {2}); }), "lacks the tensor \"w\"; expected one of shape [2]"));
  CHECK(contains(error_of([&] { folder.require("x", {3, 2}); }), "has shape [2,3]; expected [3,2]"));
}

TEST_CASE("what is written reads back, wide types first and everything aligned") {
  TemporaryFolder folder;
  std::vector<std::uint16_t> const halves{0x3f80, 0x4000, 0xc000};
  std::vector<float> const floats{1.5f, -2.5f};
  std::vector<std::int64_t> const longs{7};
  std::vector<TensorView> const views{{"half", DType::BF16, {3}, bytes_of(halves)},
                                      {"one \"odd\" name\n\xc3\xa9", DType::F32, {1, 2}, bytes_of(floats)},
                                      {"scalar", DType::I64, {}, bytes_of(longs)},
                                      {"empty", DType::F32, {0, 7}, {}}};
  std::string const path = folder / "w.safetensors";
  write_safetensors(path, views, {{"format", "pt"}, {"step", "3"}});
  CHECK(folder.entries() == 1);

  SafetensorsFile const file = SafetensorsFile::open(path);
  CHECK(file.metadata() == TensorMetadata{{"format", "pt"}, {"step", "3"}});
  CHECK(file.tensors()[0].name == "scalar");
  for (TensorView const& view : views) {
    TensorInfo const* info = file.find(view.name);
    REQUIRE(info != nullptr);
    CHECK(info->shape == view.shape);
    auto const bytes = file.bytes(*info);
    CHECK(std::equal(bytes.begin(), bytes.end(), view.bytes.begin(), view.bytes.end()));
    CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(info->dtype) == 0);
  }
  std::vector<float> out(3);
  read_f32(file.ref(*file.find("half")), out);
  CHECK(out == std::vector<float>{1, 2, -2});
}

TEST_CASE("a writer refuses what would lie") {
  TemporaryFolder folder;
  std::vector<float> const two{1, 2};
  TensorView const good{"a", DType::F32, {2}, bytes_of(two)};
  auto const write = [&](std::vector<TensorView> const& views) {
    return error_of([&] { write_safetensors(folder / "w.safetensors", views); });
  };
  CHECK(contains(write({good, good}), "\"a\": is given twice"));
  CHECK(
      contains(write({{"b", DType::F32, {3}, bytes_of(two)}}), "8 bytes given; expected as many as shape [3] of F32"));
  CHECK(folder.entries() == 0);
  CHECK(contains(error_of([&] { write_safetensors(folder / "no/such/w.safetensors", std::span(&good, 1)); }),
                 "no/such/w.safetensors: cannot be created: No such file"));
}

TEST_CASE("every lie of a safetensors file is an error that names file, tensor and what was expected") {
  auto const tensor = [](std::string const& name, std::string const& shape, std::string const& offsets) {
    return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  std::string const a = tensor("a", "[2]", "[0,8]");
  REQUIRE(parse(file_of("{" + a + "}", 8)).tensors.size() == 1);
  REQUIRE(parse(file_of("{}   ", 0)).tensors.empty());

  SECTION("lengths") {
    CHECK(contains(error_of([] { parse("1234567"); }), "w.safetensors: is truncated: 7 bytes"));
    std::string file = file_of("{" + a + "}", 8);
    file[0] = '\x7f';
    CHECK(contains(error_of([&] { parse(file); }), "header of 127 bytes goes beyond the file; expected at least 135"));
    file[7] = '\x7f';
    CHECK(contains(error_of([&] { parse(file); }), "expected a safetensors file, whose header has at most 100000000"));
  }
  SECTION("offsets") {
    CHECK(contains(parse_error("{" + a + "}", 7),
                   "tensor \"a\": key \"data_offsets\" is [0,8]; expected an end within the 7"));
    CHECK(contains(parse_error("{" + a + "}", 9), "has 9 bytes of data; expected the 8 bytes"));
    CHECK(contains(parse_error("{" + tensor("a", "[2]", "[8,0]") + "}", 8), "expected [begin, end] with begin <= end"));
    CHECK(contains(parse_error("{" + tensor("a", "[2]", "[0]") + "}", 8), "expected [begin, end]"));
    CHECK(contains(parse_error("{" + tensor("a", "[2]", "[-1,7]") + "}", 8), "a list of integers >= 0"));
    CHECK(contains(parse_error("{" + a + "," + tensor("b", "[2]", "[4,12]") + "}", 12),
                   "\"b\": its data starts at byte 4, inside another"));
    CHECK(contains(parse_error("{" + a + "," + tensor("b", "[2]", "[0,8]") + "}", 8),
                   "inside another tensor; expected it to start at byte 8"));
    CHECK(contains(parse_error("{" + a + "," + tensor("b", "[2]", "[12,20]") + "}", 20),
                   "\"b\": its data starts at byte 12, after a gap"));
  }
  SECTION("shapes and types") {
    CHECK(contains(parse_error("{" + tensor("a", "[3]", "[0,8]") + "}", 8),
                   "has 8 bytes; expected 12 bytes for shape [3] of F32"));
    CHECK(contains(parse_error("{" + tensor("a", "[4294967296,4294967296,4]", "[0,0]") + "}", 0),
                   "has 0 bytes; expected a possible size"));
    CHECK(contains(parse_error("{" + tensor("a", "[2.0]", "[0,8]") + "}", 8),
                   "\"shape\" is [2.0]; expected a list of integers"));
    CHECK(contains(parse_error(R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}})", 8),
                   "\"dtype\" is \"F4\"; expected a type such as"));
    CHECK(contains(parse_error(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "key \"data_offsets\" is missing"));
    CHECK(contains(parse_error(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8),
                   "unknown key \"x\""));
  }
  SECTION("the header's text") {
    CHECK(contains(parse_error("{" + a + "," + a + "}", 16), "the key \"a\" stands twice"));
    CHECK(contains(parse_error("[" + std::string(100, '['), 0), "nested deeper than 8"));
    CHECK(contains(parse_error("{\"a\":", 0), "w.safetensors: header: column "));
    CHECK(contains(parse_error("[]", 0), "header: is []; expected a JSON object"));
    CHECK(contains(parse_error(R"({"__metadata__":{"a":1}})", 0), "__metadata__: key \"a\" is 1; expected a string"));
    CHECK(contains(parse_error("{} {}", 0), "unexpected '{'"));
  }
}

TEST_CASE("an index and its shards must agree") {
  TemporaryFolder folder;
  auto const open = [&] { return error_of([&] { WeightFolder::open(folder.path().string()); }); };
  auto const index = [&](std::string const& map) {
    folder.write("model.safetensors.index.json", R"({"weight_map":)" + map + "}");
  };
  std::vector<float> const two{1, 2};
  auto const shard = [&](char const* file, char const* name) {
    TensorView const view{name, DType::F32, {2}, bytes_of(two)};
    write_safetensors(folder / file, std::span(&view, 1));
  };

  CHECK(contains(open(), "holds no weights; expected model.safetensors"));
  shard("s1", "a");
  shard("s2", "b");
  index(R"({"a":"s1","b":"s2"})");
  CHECK(open().empty());
  index(R"({"a":"s1","b":"s3"})");
  CHECK(contains(open(), "s3: cannot be opened"));
  index(R"({"a":"s1","b":"s1"})");
  CHECK(contains(open(), "weight_map[\"b\"]: the shard s1 has no such tensor"));
  index(R"({"b":"s2"})");
  CHECK(open().empty());
  shard("s1", "b");
  index(R"({"b":"s1"})");
  CHECK(open().empty());
  std::vector<TensorView> const both{{"a", DType::F32, {2}, bytes_of(two)}, {"c", DType::F32, {2}, bytes_of(two)}};
  write_safetensors(folder / "s1", both);
  index(R"({"a":"s1"})");
  CHECK(contains(open(), "s1: holds the tensor \"c\", which the index does not name"));
  index(R"({"a":"../s1"})");
  CHECK(contains(open(), "is \"../s1\"; expected the name of a file in the same folder"));
  index(R"({"a":3})");
  CHECK(contains(open(), "is 3; expected the name of a file"));
  index("[]");
  CHECK(contains(open(), "\"weight_map\" is []; expected an object"));
  index("{\n\"a\": tru }");
  CHECK(contains(open(), "model.safetensors.index.json:2:"));
  shard("model.safetensors", "a");  // one file goes before an index, as in transformers
  CHECK(open().empty());
  CHECK(contains(error_of([&] { WeightFolder::open(folder / "none"); }), "none: is not a folder"));
}
