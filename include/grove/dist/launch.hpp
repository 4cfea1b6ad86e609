// SPDX-License-Identifier: Apache-2.0
// Which rank of how many this process is, as its launcher says: torchrun, mpirun, srun, or a program's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace grove {

/// What a process must know to find the others.
struct Launch {
  std::size_t rank = 0, size = 1;
  std::size_t local_rank = 0, local_size = 1;  ///< on this machine
  std::string address = "127.0.0.1";           ///< of the store where ranks meet
  std::uint16_t port = 29500;
  bool store_is_there = false;  ///< the launcher keeps it; else rank 0 does
};

/// Reads one variable of the environment; none where it is not set.
using Environment = std::function<std::optional<std::string>(std::string const&)>;

/// Of torchrun (RANK, WORLD_SIZE, ...; TORCHELASTIC_USE_AGENT_STORE), of Open MPI (OMPI_COMM_WORLD_*), of MPICH
/// (PMI_RANK, PMI_SIZE) and of Slurm (SLURM_PROCID, SLURM_STEP_NUM_TASKS), in this order; none where no launcher is
/// seen. MASTER_ADDR and MASTER_PORT say where to meet and are needed where a launcher spans machines without saying
/// so. Throws Error for a variable that is missing or no number.
std::optional<Launch> launch_from(Environment const& environment);

/// The same for this process.
std::optional<Launch> launch_from_environment();

}  // namespace grove
