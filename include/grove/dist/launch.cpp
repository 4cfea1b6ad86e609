// SPDX-License-Identifier: Apache-2.0
#include "grove/dist/launch.hpp"

#include <array>
#include <charconv>
#include <cstdlib>

#include "grove/error.hpp"

namespace grove {
namespace {

/// Names under which one launcher says the same.
struct Names {
  char const* launcher;
  char const *rank, *size, *local_rank, *local_size;
};
constexpr std::array launchers = {
    Names{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    Names{"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
          "OMPI_COMM_WORLD_LOCAL_SIZE"},
    Names{"mpiexec", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    Names{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"},
    Names{"srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"}};

std::optional<std::size_t> number(Environment const& environment, char const* name) {
  auto const text = environment(name);
  if (!text) return std::nullopt;
  std::size_t value = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  // Slurm writes "2(x3)" where several machines have as many.
  if (error != std::errc() || (end != text->data() + text->size() && *end != '('))
    throw Error(name, "is '" + *text + "'", "a number");
  return value;
}

/// The first machine of a list such as "node[03-05,9],other".
std::string first_machine(std::string const& list) {
  auto const bracket = list.find_first_of("[,");
  if (bracket == std::string::npos || list[bracket] == ',') return list.substr(0, bracket);
  auto const end = list.find_first_of("-,]", bracket);
  return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1);
}

std::string address_of(Environment const& environment, Names const& names, Launch const& launch) {
  if (auto const address = environment("MASTER_ADDR")) return *address;
  if (launch.local_size == launch.size) return "127.0.0.1";
  if (auto const machines = environment("SLURM_STEP_NODELIST")) return first_machine(*machines);
  if (auto const machines = environment("SLURM_JOB_NODELIST")) return first_machine(*machines);
  throw Error("MASTER_ADDR", std::string(names.launcher) + " has ranks on several machines and does not say where",
              "the machine of rank 0", "set it for all ranks, as mpirun -x MASTER_ADDR=...");
}

}  // namespace

std::optional<Launch> launch_from(Environment const& environment) {
  for (auto const& names : launchers) {
    auto const rank = number(environment, names.rank), size = number(environment, names.size);
    if (!rank || !size) continue;
    if (*size == 0 || *rank >= *size)
      throw Error(names.rank, "is " + std::to_string(*rank) + " of " + std::to_string(*size),
                  "below the number of ranks");
    Launch launch{.rank = *rank, .size = *size};
    launch.local_size = number(environment, names.local_size).value_or(*size);
    launch.local_rank = number(environment, names.local_rank).value_or(*rank % launch.local_size);
    launch.address = address_of(environment, names, launch);
    launch.port = static_cast<std::uint16_t>(number(environment, "MASTER_PORT").value_or(29500));
    auto const agent = environment("TORCHELASTIC_USE_AGENT_STORE");
    launch.store_is_there = agent && (*agent == "True" || *agent == "true" || *agent == "1");
    return launch;
  }
  return std::nullopt;
}

std::optional<Launch> launch_from_environment() {
  return launch_from([](std::string const& name) -> std::optional<std::string> {
    char const* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing sets it meanwhile
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

}  // namespace grove
