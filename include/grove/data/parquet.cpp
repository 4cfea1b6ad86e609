// SPDX-License-Identifier: Apache-2.0
#include "grove/data/parquet.hpp"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"

namespace grove::data {
namespace {

using io::Json;

std::string first_line(std::string const& text) { return text.substr(0, text.find('\n')); }

void require(arrow::Status const& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

template <class T>
T require(arrow::Result<T> result) {
  require(result.status());
  return std::move(result).ValueUnsafe();
}

/// Rows of a record batch whose columns were checked.
class Cells {
 public:
  explicit Cells(std::shared_ptr<arrow::RecordBatch> batch) : batch_(std::move(batch)) {}

  Json row(std::int64_t i) const {
    Json object = Json::object();
    for (int c = 0; c < batch_->num_columns(); ++c) object[batch_->column_name(c)] = cell(*batch_->column(c), i);
    return object;
  }

 private:
  static Json list(arrow::Array const& values, std::int64_t begin, std::int64_t end) {
    Json json = Json::array();
    for (std::int64_t i = begin; i < end; ++i) json.push_back(cell(values, i));
    return json;
  }

  template <class Array>
  static Json list_of(arrow::Array const& array, std::int64_t i) {
    auto const& lists = static_cast<Array const&>(array);
    return list(*lists.values(), lists.value_offset(i), lists.value_offset(i) + lists.value_length(i));
  }

  static Json record(arrow::StructArray const& array, std::int64_t i) {
    Json json = Json::object();
    for (int f = 0; f < array.num_fields(); ++f) json[array.struct_type()->field(f)->name()] = cell(*array.field(f), i);
    return json;
  }

  static Json map(arrow::MapArray const& array, std::int64_t i) {
    Json json = Json::array();
    for (std::int64_t e = array.value_offset(i); e < array.value_offset(i + 1); ++e)
      json.push_back({{"key", cell(*array.keys(), e)}, {"value", cell(*array.items(), e)}});
    return json;
  }

  /// A whole number that is not negative is unsigned, as it is when it comes out of JSON text.
  template <class Array>
  static Json value(arrow::Array const& array, std::int64_t i) {
    auto const number = static_cast<Array const&>(array).Value(i);
    using Number = std::remove_const_t<decltype(number)>;
    if constexpr (std::signed_integral<Number>)
      if (number >= 0) return static_cast<std::uint64_t>(number);
    return number;
  }

  template <class Array>
  static Json text(arrow::Array const& array, std::int64_t i) {
    return std::string(static_cast<Array const&>(array).GetView(i));
  }

  // One case a type of Arrow.
  // NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size,misc-no-recursion)
  static Json cell(arrow::Array const& array, std::int64_t i) {
    if (array.IsNull(i)) return nullptr;
    using Type = arrow::Type;
    switch (array.type_id()) {
      case Type::BOOL:
        return value<arrow::BooleanArray>(array, i);
      case Type::INT8:
        return value<arrow::Int8Array>(array, i);
      case Type::INT16:
        return value<arrow::Int16Array>(array, i);
      case Type::INT32:
        return value<arrow::Int32Array>(array, i);
      case Type::INT64:
        return value<arrow::Int64Array>(array, i);
      case Type::UINT8:
        return value<arrow::UInt8Array>(array, i);
      case Type::UINT16:
        return value<arrow::UInt16Array>(array, i);
      case Type::UINT32:
        return value<arrow::UInt32Array>(array, i);
      case Type::UINT64:
        return value<arrow::UInt64Array>(array, i);
      case Type::FLOAT:
        return value<arrow::FloatArray>(array, i);
      case Type::DOUBLE:
        return value<arrow::DoubleArray>(array, i);
      case Type::STRING:
        return text<arrow::StringArray>(array, i);
      case Type::LARGE_STRING:
        return text<arrow::LargeStringArray>(array, i);
      case Type::STRING_VIEW:
        return text<arrow::StringViewArray>(array, i);
      case Type::LIST:
        return list_of<arrow::ListArray>(array, i);
      case Type::LARGE_LIST:
        return list_of<arrow::LargeListArray>(array, i);
      case Type::FIXED_SIZE_LIST:
        return list_of<arrow::FixedSizeListArray>(array, i);
      case Type::MAP:
        return map(static_cast<arrow::MapArray const&>(array), i);
      case Type::STRUCT:
        return record(static_cast<arrow::StructArray const&>(array), i);
      case Type::DICTIONARY: {
        auto const& coded = static_cast<arrow::DictionaryArray const&>(array);
        return cell(*coded.dictionary(), coded.GetValueIndex(i));
      }
      case Type::EXTENSION:
        return cell(*static_cast<arrow::ExtensionArray const&>(array).storage(), i);
      case Type::BINARY:
      case Type::LARGE_BINARY:
      case Type::BINARY_VIEW:
      case Type::FIXED_SIZE_BINARY:
        return nullptr;
      default:
        return require(array.GetScalar(i))->ToString();
    }
  }

  std::shared_ptr<arrow::RecordBatch> batch_;
};

bool is_bytes(arrow::DataType const& type) {
  return arrow::is_binary(type.id()) || type.id() == arrow::Type::LARGE_BINARY ||
         type.id() == arrow::Type::BINARY_VIEW || type.id() == arrow::Type::FIXED_SIZE_BINARY;
}

/// Places of the leaves that belong to the columns which are not bytes.
std::vector<int> wanted_leaves(parquet::arrow::FileReader& reader) {
  std::vector<int> leaves;
  for (auto const& field : reader.manifest().schema_fields) {
    if (is_bytes(*field.field->type())) continue;
    std::vector<parquet::arrow::SchemaField const*> open{&field};
    while (!open.empty()) {
      auto const* const at = open.back();
      open.pop_back();
      if (at->column_index >= 0) leaves.push_back(at->column_index);
      for (auto const& child : at->children) open.push_back(&child);
    }
  }
  std::ranges::sort(leaves);
  return leaves;
}

std::unique_ptr<parquet::arrow::FileReader> open(std::filesystem::path const& file) {
  auto* const pool = arrow::system_memory_pool();
  parquet::ReaderProperties properties(pool);
  properties.set_page_checksum_verification(true);
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  arrow_properties.set_pre_buffer(false);
  arrow_properties.set_batch_size(1024);
  parquet::arrow::FileReaderBuilder builder;
  require(builder.OpenFile(file.string(), false, properties));
  return require(builder.memory_pool(pool)->properties(arrow_properties)->Build());
}

void read(std::filesystem::path const& file, std::function<void(std::size_t, Json&&)> const& take) {
  auto const reader = open(file);
  std::vector<int> groups;
  for (int g = 0; g < reader->num_row_groups(); ++g) groups.push_back(g);
  auto const batches = require(reader->GetRecordBatchReader(groups, wanted_leaves(*reader)));
  std::size_t number = 0;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    require(batches->ReadNext(&batch));
    if (!batch) return;
    require(batch->ValidateFull());
    Cells const cells(batch);
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) take(number++, cells.row(i));
  }
}

/// What stands in place of a large file where it was not fetched.
bool is_pointer(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  std::string start(23, '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == "version https://git-lfs";
}

/// The type that all values of a column have.
struct Shape {
  enum class Kind : std::uint8_t { Unknown, Bool, Integer, Real, Text, List, Record, Mixed };

  Kind kind = Kind::Unknown;
  std::vector<std::pair<std::string, Shape>> fields{};  ///< of a record; of a list its one element

  static Kind kind_of(Json const& value) {
    if (value.is_null()) return Kind::Unknown;
    if (value.is_boolean()) return Kind::Bool;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
      return Kind::Mixed;
    if (value.is_number_integer()) return Kind::Integer;
    if (value.is_number_float()) return Kind::Real;
    if (value.is_array()) return Kind::List;
    // Parquet has no record without fields.
    if (value.is_object()) return value.empty() ? Kind::Mixed : Kind::Record;
    return Kind::Text;
  }

  Shape& field(std::string const& name) {
    auto const at = std::ranges::find(fields, name, &std::pair<std::string, Shape>::first);
    return at != fields.end() ? at->second : fields.emplace_back(name, Shape{}).second;
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the value
  void take(Json const& value) {
    Kind const other = kind_of(value);
    if (other == Kind::Unknown || kind == Kind::Mixed) return;
    bool const numbers =
        (kind == Kind::Integer && other == Kind::Real) || (kind == Kind::Real && other == Kind::Integer);
    if (numbers) {
      kind = Kind::Real;
    } else if (kind == Kind::Unknown || kind == other) {
      kind = other;
    } else {
      kind = Kind::Mixed;
    }
    if (kind == Kind::List)
      for (Json const& entry : value) field("element").take(entry);
    if (kind == Kind::Record)
      for (auto const& member : value.items()) field(member.key()).take(member.value());
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  std::shared_ptr<arrow::DataType> type() const {
    switch (kind) {
      case Kind::Unknown:
        return arrow::null();
      case Kind::Bool:
        return arrow::boolean();
      case Kind::Integer:
        return arrow::int64();
      case Kind::Real:
        return arrow::float64();
      case Kind::List:
        return arrow::list(fields.empty() ? arrow::null() : fields.front().second.type());
      case Kind::Record: {
        arrow::FieldVector members;
        for (auto const& [name, shape] : fields) members.push_back(arrow::field(name, shape.type()));
        return arrow::struct_(members);
      }
      case Kind::Text:
      case Kind::Mixed:
        break;
    }
    return arrow::utf8();
  }
};

std::string as_text(Json const& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class Builder>
Builder& as(arrow::ArrayBuilder& builder) {
  return static_cast<Builder&>(builder);
}

// NOLINTNEXTLINE(misc-no-recursion)
void append(arrow::ArrayBuilder& builder, Shape const& shape, Json const& value) {
  using Kind = Shape::Kind;
  if (value.is_null()) return require(builder.AppendNull());
  switch (shape.kind) {
    case Kind::Unknown:
      return require(builder.AppendNull());
    case Kind::Bool:
      return require(as<arrow::BooleanBuilder>(builder).Append(value.get<bool>()));
    case Kind::Integer:
      return require(as<arrow::Int64Builder>(builder).Append(value.get<std::int64_t>()));
    case Kind::Real:
      return require(as<arrow::DoubleBuilder>(builder).Append(value.get<double>()));
    case Kind::Text:
    case Kind::Mixed:
      return require(as<arrow::StringBuilder>(builder).Append(as_text(value)));
    case Kind::List: {
      auto& list = as<arrow::ListBuilder>(builder);
      require(list.Append());
      for (Json const& entry : value) append(*list.value_builder(), shape.fields.front().second, entry);
      return;
    }
    case Kind::Record: {
      auto& record = as<arrow::StructBuilder>(builder);
      require(record.Append());
      for (int f = 0; f < record.num_fields(); ++f) {
        auto const& [name, field] = shape.fields[static_cast<std::size_t>(f)];
        auto const at = value.find(name);
        append(*record.field_builder(f), field, at == value.end() ? Json(nullptr) : *at);
      }
      return;
    }
  }
}

std::shared_ptr<arrow::Table> table_of(std::span<Json const> rows) {
  Shape whole;
  for (Json const& row : rows) whole.take(row);
  auto* const pool = arrow::system_memory_pool();
  arrow::FieldVector fields;
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (auto const& [name, shape] : whole.fields) {
    fields.push_back(arrow::field(name, shape.type()));
    auto const builder = require(arrow::MakeBuilder(fields.back()->type(), pool));
    for (Json const& row : rows) {
      auto const at = row.find(name);
      append(*builder, shape, at == row.end() ? Json(nullptr) : *at);
    }
    columns.push_back(require(builder->Finish()));
  }
  return arrow::Table::Make(arrow::schema(fields), columns, static_cast<std::int64_t>(rows.size()));
}

std::shared_ptr<arrow::Buffer> bytes_of(arrow::Table const& table) {
  auto* const pool = arrow::system_memory_pool();
  auto const properties = parquet::WriterProperties::Builder()
                              .memory_pool(pool)
                              ->compression(parquet::Compression::SNAPPY)
                              ->enable_page_checksum()
                              ->build();
  auto const sink = require(arrow::io::BufferOutputStream::Create(1 << 16, pool));
  require(parquet::arrow::WriteTable(table, pool, sink, 10'000, properties));
  return require(sink->Finish());
}

}  // namespace

bool has_parquet() { return true; }

void read_parquet(std::filesystem::path const& file, std::function<void(std::size_t, Json&&)> const& take) {
  try {
    read(file, take);
  } catch (Error const&) {
    throw;
  } catch (std::exception const& e) {
    if (is_pointer(file))
      throw Error(file.string(), "is a pointer of Git LFS in place of the data", {}, "fetch the file: git lfs pull");
    throw Error(file.string(), "cannot be read as Parquet: " + first_line(e.what()), "a whole Parquet file");
  }
}

void write_parquet(std::filesystem::path const& file, std::span<Json const> rows) {
  std::shared_ptr<arrow::Buffer> bytes;
  try {
    bytes = bytes_of(*table_of(rows));
  } catch (std::exception const& e) {
    std::string const what = e.what();
    throw Error(file.string(), "cannot be written as Parquet: " + what.substr(0, what.find('\n')));
  }
  io::write_file(file, std::string_view(reinterpret_cast<char const*>(bytes->data()), bytes->size()));
}

}  // namespace grove::data
