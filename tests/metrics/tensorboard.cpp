// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/tensorboard.hpp"

#include <array>
#include <cstring>

#include "grove/metrics/crc32c.hpp"
#include "io/helpers.hpp"

using namespace grove::metrics;
using grove::test::contains;
using grove::test::error_of;
using grove::test::read_file;
using grove::test::TemporaryFolder;

namespace {

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

/// The payloads of a TFRecord file, its checksums verified.
std::vector<std::string> records(std::string const& file) {
  std::vector<std::string> payloads;
  for (std::size_t at = 0; at < file.size();) {
    std::uint64_t length = 0;
    std::uint32_t length_crc = 0;
    std::uint32_t payload_crc = 0;
    REQUIRE(file.size() - at >= 16);
    std::memcpy(&length, file.data() + at, 8);
    std::memcpy(&length_crc, file.data() + at + 8, 4);
    REQUIRE(file.size() - at >= 16 + length);
    payloads.push_back(file.substr(at + 12, length));
    std::memcpy(&payload_crc, file.data() + at + 12 + length, 4);
    CHECK(length_crc == masked_crc32c(file.substr(at, 8)));
    CHECK(payload_crc == masked_crc32c(payloads.back()));
    at += 16 + length;
  }
  return payloads;
}

}  // namespace

TEST_CASE("CRC-32C has the values of RFC 3720") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
}

TEST_CASE("records and events are TensorFlow's, byte by byte") {
  // Written by tests/oracle/tensorboard_events.py with TensorBoard's own writer and messages.
  std::array<Scalar, 2> const scalars{{{"loss", 0.5}, {"rewards/\xc3\xa9", -2.25}}};
  CHECK(detail::version_event(1.5) == unhex("09000000000000f83f1a0d627261696e2e4576656e743a32"));
  CHECK(detail::scalar_event(1.5, 300, scalars) ==
        unhex("09000000000000f83f10ac022a200a0b0a046c6f7373150000003f0a110a0a726577617264732fc3a915000010c0"));
  CHECK(detail::restart_event(1.5, 7) == unhex("09000000000000f83f10073a020801"));
  CHECK(detail::tf_record(detail::restart_event(1.5, 7)) ==
        unhex("0f000000000000006d532b0909000000000000f83f10073a020801774771c7"));
}

TEST_CASE("a writer leaves a readable file after every step") {
  TemporaryFolder folder;
  TensorBoardWriter writer(folder / "runs/tb");
  CHECK(contains(writer.path(), "events.out.tfevents."));
  CHECK(records(read_file(writer.path())).size() == 1);
  std::array<Scalar, 1> const scalars{{{"loss", 0.5}}};
  writer.write(1, scalars);
  writer.write(2, scalars);
  std::vector<std::string> const events = records(read_file(writer.path()));
  REQUIRE(events.size() == 3);
  CHECK(contains(events[0], "brain.Event:2"));
  CHECK(contains(events[2], "loss"));

  TensorBoardWriter resumed(folder / "runs/tb", 2);
  CHECK(resumed.path() != writer.path());
  CHECK(records(read_file(resumed.path())).size() == 2);
  CHECK(records(read_file(writer.path())).size() == 3);
}

TEST_CASE("an unwritable folder is an error that names it") {
  TemporaryFolder folder;
  std::string const blocker = folder.write("file", "x");
  CHECK(contains(error_of([&] { TensorBoardWriter(blocker + "/tb"); }), "file/tb: cannot be created: Not a directory"));
}
