// SPDX-License-Identifier: Apache-2.0
#include "grove/dist/launch.hpp"

#include <map>
#include <optional>
#include <string>

#include "grove/error.hpp"
#include "support/catch.hpp"

using grove::launch_from;

namespace {

grove::Environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string const& name) -> std::optional<std::string> {
    auto const at = values.find(name);
    return at == values.end() ? std::nullopt : std::optional(at->second);
  };
}

}  // namespace

TEST_CASE("without a launcher there is one process") { CHECK_FALSE(launch_from(variables({{"PATH", "/bin"}}))); }

TEST_CASE("torchrun's agent keeps the store") {
  auto const launch = launch_from(variables({{"RANK", "3"},
                                             {"WORLD_SIZE", "8"},
                                             {"LOCAL_RANK", "1"},
                                             {"LOCAL_WORLD_SIZE", "2"},
                                             {"MASTER_ADDR", "node1"},
                                             {"MASTER_PORT", "1234"},
                                             {"TORCHELASTIC_USE_AGENT_STORE", "True"}}));
  REQUIRE(launch);
  CHECK(launch->rank == 3);
  CHECK(launch->size == 8);
  CHECK(launch->local_rank == 1);
  CHECK(launch->local_size == 2);
  CHECK(launch->address == "node1");
  CHECK(launch->port == 1234);
  CHECK(launch->store_is_there);
}

TEST_CASE("mpirun, mpiexec and srun") {
  auto const mpi = launch_from(variables({{"OMPI_COMM_WORLD_RANK", "1"},
                                          {"OMPI_COMM_WORLD_SIZE", "2"},
                                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}));
  REQUIRE(mpi);
  CHECK(mpi->rank == 1);
  CHECK(mpi->address == "127.0.0.1");
  CHECK_FALSE(mpi->store_is_there);
  auto const pmi = launch_from(variables({{"PMI_RANK", "0"}, {"PMI_SIZE", "4"}}));
  REQUIRE(pmi);
  CHECK(pmi->size == 4);
  auto const slurm = launch_from(variables({{"SLURM_PROCID", "5"},
                                            {"SLURM_STEP_NUM_TASKS", "8"},
                                            {"SLURM_NTASKS", "16"},
                                            {"SLURM_LOCALID", "1"},
                                            {"SLURM_STEP_TASKS_PER_NODE", "4(x2)"},
                                            {"SLURM_STEP_NODELIST", "gpu[07-08],other"}}));
  REQUIRE(slurm);
  CHECK(slurm->size == 8);
  CHECK(slurm->local_size == 4);
  CHECK(slurm->address == "gpu07");
}

TEST_CASE("what a launcher says wrongly is told") {
  CHECK_THROWS_AS(launch_from(variables({{"RANK", "x"}, {"WORLD_SIZE", "2"}})), grove::Error);
  CHECK_THROWS_AS(launch_from(variables({{"RANK", "2"}, {"WORLD_SIZE", "2"}})), grove::Error);
  CHECK_THROWS_AS(
      launch_from(variables(
          {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}})),
      grove::Error);
}
