// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/event_files.hpp"

#include <array>
#include <string>

#include "grove/metrics/tensorboard.hpp"
#include "support/catch.hpp"

using namespace grove::metrics;

TEST_CASE("an event file is cut after a step, and before a record that is not whole") {
  std::array const scalars = {Scalar{"loss", 0.5}};
  std::string file = detail::tf_record(detail::version_event(1.0));
  std::array<std::size_t, 4> ends{file.size()};
  for (std::uint64_t step = 1; step < ends.size(); ++step) {
    file += detail::tf_record(detail::scalar_event(2.0, step * 100, scalars));
    ends[step] = file.size();
  }
  CHECK(bytes_up_to(file, 0) == ends[0]);
  CHECK(bytes_up_to(file, 100) == ends[1]);
  CHECK(bytes_up_to(file, 299) == ends[2]);
  CHECK(bytes_up_to(file, 300) == ends[3]);
  CHECK(bytes_up_to(std::string_view(file).substr(0, file.size() - 1), 300) == ends[2]);
  file[ends[1] + 20] ^= 1;
  CHECK(bytes_up_to(file, 300) == ends[1]);
}
