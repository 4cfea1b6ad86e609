// SPDX-License-Identifier: Apache-2.0
// The one file that knows c10d. Debian's gloo headers are older than the wheel's gloo, so that nothing of gloo's own
// may be used here but what ProcessGroupGloo hands on: no virtual table of gloo's is emitted (tests/dist/symbols.sh).
#include "grove/dist/process_group.hpp"

#include <ATen/Functions.h>

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#ifdef GROVE_NCCL
#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include <c10/cuda/CUDAFunctions.h>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#include <algorithm>
#include <exception>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "grove/dist/presence.hpp"
#include "grove/error.hpp"
#include "grove/nn/torch/tensor_memory.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove {
namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using std::chrono::milliseconds;

/// The store as ranks write on it and read from it.
detail::Board board_of(Store const& store) {
  return {
      .put = [store](std::string const& key,
                     std::string_view text) { store->set(key, std::vector<std::uint8_t>(text.begin(), text.end())); },
      .get = [store](std::string const& key) -> std::string {
        if (!store->check({key})) return "";
        auto const bytes = store->get(key);
        return {bytes.begin(), bytes.end()};
      }};
}

c10::intrusive_ptr<c10d::TCPStore> connect(Launch const& launch, bool serves, milliseconds deadline) {
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = deadline;
  return c10::make_intrusive<c10d::TCPStore>(launch.address, options);
}

/// Held while a collective is begun (not while it runs). c10d has one flight recorder in a process, which adds a group
/// to its tree before it takes its own lock: two ranks that are threads of one process would tear the tree.
std::mutex& beginning() {
  static std::mutex mutex;
  return mutex;
}

/// Where memory lies that is not the host's own; the CPU's tensors are the host's for c10d.
Device place_of(DeviceMemory const* device) {
  auto const* const tensors = dynamic_cast<nn::torch::TensorMemory const*>(device);
  return tensors != nullptr ? tensors->place() : Device::Cpu;
}

#ifdef GROVE_NCCL
constexpr bool has_nccl = true;

/// The calling thread's tensors go to the device of its rank on this machine; a launcher that shows a rank its own
/// device alone has chosen already.
void take_device(Launch const& launch) {
  auto const devices = static_cast<std::size_t>(c10::cuda::device_count());
  if (launch.local_rank < devices) c10::cuda::MaybeSetDevice(static_cast<c10::DeviceIndex>(launch.local_rank));
}
#else
constexpr bool has_nccl = false;
void take_device(Launch const&) {}
#endif

void copy(std::span<const std::byte> from, std::span<std::byte> to, DeviceMemory const* device) {
  if (device != nullptr)
    device->copy(from.data(), to.data(), from.size());
  else
    std::ranges::copy(from, to.begin());
}

/// The first line of c10d's messages, which go on with stacks.
std::string first_line(std::exception const& e) {
  std::string const text = e.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

class ProcessGroup::Group {
 public:
  Group(std::shared_ptr<detail::Presence> presence, Store store, std::string name, std::vector<std::size_t> members)
      : presence_(std::move(presence)), store_(std::move(store)), name_(std::move(name)), members_(std::move(members)) {
    auto const& launch = presence_->launch();
    auto const at = std::ranges::find(members_, launch.rank);
    rank_ = static_cast<std::size_t>(at - members_.begin());
    if (members_.size() == 1) return;
    bool const here = launch.address == "127.0.0.1" || launch.address == "localhost";
    auto options = c10d::ProcessGroupGloo::Options::create(presence_->deadline());
    options->devices.push_back(here ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                    : c10d::ProcessGroupGloo::createDefaultDevice());
    gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>(name_, store_),
                                                        static_cast<int>(rank_), static_cast<int>(members_.size()),
                                                        std::move(options));
  }

#ifdef GROVE_NCCL
  ~Group() {
    try {
      if (nccl_) presence_->told() ? nccl_->abort() : nccl_->shutdown();
    } catch (std::exception const&) {  // who is lost was said already
    }
  }
#endif
  Group(Group const&) = delete;
  Group& operator=(Group const&) = delete;

  static std::shared_ptr<Group> meet(Launch const& launch, milliseconds deadline, Heartbeat heartbeat) {
    try {
      auto const join = [&](bool serves) -> Store {
        return c10::make_intrusive<c10d::PrefixStore>("grove", connect(launch, serves, deadline));
      };
      Store const store = join(!launch.store_is_there && launch.rank == 0), beside = join(false);
      auto presence =
          std::make_shared<detail::Presence>(launch, board_of(store), board_of(beside), deadline, std::move(heartbeat));
      std::vector<std::size_t> all(launch.size);
      std::iota(all.begin(), all.end(), std::size_t{0});
      take_device(launch);
      return std::make_shared<Group>(std::move(presence), store, "all", std::move(all));
    } catch (std::exception const& e) {
      throw Error(
          "rank " + std::to_string(launch.rank) + " of " + std::to_string(launch.size) + ", start",
          "the ranks did not meet at " + launch.address + ":" + std::to_string(launch.port) + ": " + first_line(e),
          "all of them within " + detail::Presence::seconds(deadline), "see whether every rank was started");
    }
  }

  std::shared_ptr<Group> subgroup(std::string const& name, std::span<std::size_t const> members) const {
    try {
      return std::make_shared<Group>(presence_, store_, name, std::vector<std::size_t>(members.begin(), members.end()));
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  std::size_t rank() const { return rank_; }
  std::size_t size() const { return members_.size(); }
  milliseconds deadline() const { return presence_->deadline(); }

  void all_reduce_sum(std::span<double> values) {
    wait_for([&](c10d::Backend& backend) {
      std::vector<at::Tensor> tensors = {
          at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble)};
      return backend.allreduce(tensors);
    });
  }

  void broadcast(std::span<std::byte> bytes, std::size_t from, Device place) {
    wait_for(
        [&](c10d::Backend& backend) {
          std::vector<at::Tensor> tensors = {tensor(bytes, nullptr, place)};
          c10d::BroadcastOptions options;
          options.rootRank = static_cast<std::int64_t>(from);
          return backend.broadcast(tensors, options);
        },
        place);
  }

  std::function<void()> begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                         std::shared_ptr<void> const& memory, Device place) {
    // The work holds its tensors and they the memory: whoever loses interest leaves nothing behind that is written to.
    auto source = tensor(from, memory, place), target = tensor(to, memory, place);
    std::vector<std::int64_t> equal;
    auto work =
        begin([&](c10d::Backend& backend) { return backend.alltoall_base(target, source, equal, equal); }, place);
    return [this, work = std::move(work), place] { finish(*work, place); };
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all, Device place) {
    auto source = tensor(mine, nullptr, place), target = tensor(all, nullptr, place);
    wait_for([&](c10d::Backend& backend) { return backend._allgather_base(target, source); }, place);
  }

  void phase(std::string_view name) {
    try {
      presence_->enter(name);
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  void fail(std::string_view cause) noexcept { presence_->fail(cause); }

 private:
  /// A view; one that has an owner keeps it.
  static at::Tensor tensor(std::span<const std::byte> bytes, std::shared_ptr<void> const& owner, Device place) {
    // The collectives read their input and take it as a tensor that could be written.
    auto* const memory = const_cast<std::byte*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    return at::from_blob(
        memory, {static_cast<std::int64_t>(bytes.size())}, [owner](void*) {},
        at::TensorOptions().dtype(at::kByte).device(nn::torch::detail::at_device(place)));
  }

  template <class F>
  void wait_for(F const& start, Device place = Device::Cpu) {
    finish(*begin(start, place), place);
  }

  template <class F>
  c10::intrusive_ptr<c10d::Work> begin(F const& start, Device place = Device::Cpu) {
    try {
      auto& chosen = backend(place);
      if (place == Device::Cuda) return start(chosen);
      std::lock_guard const one_at_a_time(beginning());
      return start(chosen);
    } catch (Error const&) {
      throw;
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  c10d::Backend& backend([[maybe_unused]] Device place) {
#ifdef GROVE_NCCL
    if (place == Device::Cuda) return nccl();
#endif
    return *gloo_;
  }

#ifdef GROVE_NCCL
  /// NCCL waits without a deadline for ranks that never come, so they meet over Gloo first. Its own deadline is behind
  /// this group's, which knows who is missing.
  c10d::Backend& nccl() {
    if (nccl_) return *nccl_;
    auto const& launch = presence_->launch();
    auto const devices = static_cast<std::size_t>(c10::cuda::device_count());
    if (launch.local_rank >= devices && devices != 1)
      throw Error("rank " + std::to_string(launch.rank),
                  std::to_string(launch.local_size) + " ranks of this machine want a CUDA device each and it has " +
                      std::to_string(devices),
                  "as many ranks as devices", "start fewer, or use --device cpu");
    double ready = 1;
    all_reduce_sum({&ready, 1});
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = 2 * presence_->deadline();
    nccl_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>(name_ + "/nccl", store_),
                                                        static_cast<int>(rank_), static_cast<int>(members_.size()),
                                                        std::move(options));
    return *nccl_;
  }
#endif

  /// Waits for the work's end. Gloo keeps the deadline itself.
  void finish(c10d::Work& work, Device place) {
    detail::Wait wait(*presence_, members_);
    try {
      while (!came(work, wait.pause(), place)) {
        wait.goes_on();
        if (place == Device::Cuda && wait.is_over()) throw std::runtime_error("NCCL timed out");
      }
      work.wait();
    } catch (Error const&) {
      throw;
    } catch (std::exception const& e) {
      throw wait.lost(first_line(e));
    }
  }

  /// Whether the work ends, well or not, within a time.
  static bool came(c10d::Work& work, milliseconds within, Device place) {
    if (place == Device::Cuda) return came_on_device(work, within);
    try {
      return work.wait(within);
    } catch (std::exception const&) {  // how it ended is asked once more
      return work.isCompleted();
    }
  }

  /// NCCL's own waiting only puts the work in front of what the current stream does next; whether the others came is
  /// known when the device has done it.
  static bool came_on_device(c10d::Work& work, milliseconds within) {
    auto const until = std::chrono::steady_clock::now() + within;
    while (!work.isCompleted()) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    return true;
  }

  Error lost(std::string const& cause) const { return presence_->lost(members_, cause); }

  std::shared_ptr<detail::Presence> presence_;
  Store store_;
  std::string name_;
  std::vector<std::size_t> members_;  // by their numbers among all ranks
  std::size_t rank_ = 0;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
#ifdef GROVE_NCCL
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl_;  // made when device memory is moved for the first time
#endif
};

ProcessGroup::ProcessGroup(Launch const& launch, milliseconds deadline, Heartbeat heartbeat)
    : group_(launch.size > 1 ? Group::meet(launch, deadline, std::move(heartbeat)) : nullptr) {}

ProcessGroup ProcessGroup::subgroup(std::string const& name, std::span<std::size_t const> members) const {
  return ProcessGroup(group_ ? group_->subgroup(name, members) : nullptr);
}

std::size_t ProcessGroup::rank() const { return group_ ? group_->rank() : 0; }
std::size_t ProcessGroup::size() const { return group_ ? group_->size() : 1; }
milliseconds ProcessGroup::deadline() const { return group_ ? group_->deadline() : milliseconds(0); }

void ProcessGroup::all_reduce_sum(std::span<double> values) {
  if (size() > 1 && !values.empty()) group_->all_reduce_sum(values);
}

bool ProcessGroup::reaches(DeviceMemory const& device) const {
  auto const* const tensors = dynamic_cast<nn::torch::TensorMemory const*>(&device);
  return tensors != nullptr && (tensors->place() == Device::Cpu || has_nccl);
}

void ProcessGroup::broadcast(std::span<std::byte> bytes, std::size_t from, DeviceMemory const* device) {
  if (size() > 1 && !bytes.empty()) group_->broadcast(bytes, from, place_of(device));
}

void ProcessGroup::all_to_all(std::span<const std::byte> from, std::span<std::byte> to) {
  begin_all_to_all(from, to, nullptr)();
}

std::function<void()> ProcessGroup::begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                                     std::shared_ptr<void> const& memory, DeviceMemory const* device) {
  if (from.size() != to.size() || from.size() % size() != 0)
    throw Error("ProcessGroup::all_to_all",
                std::to_string(from.size()) + " and " + std::to_string(to.size()) + " bytes",
                "the same, one piece a rank");
  if (size() > 1 && !from.empty()) return group_->begin_all_to_all(from, to, memory, place_of(device));
  copy(from, to, device);
  return [] {};
}

void ProcessGroup::all_gather(std::span<const std::byte> mine, std::span<std::byte> all, DeviceMemory const* device) {
  if (all.size() != mine.size() * size())
    throw Error("ProcessGroup::all_gather", std::to_string(all.size()) + " bytes for all",
                std::to_string(mine.size() * size()));
  if (size() == 1)
    copy(mine, all, device);
  else if (!mine.empty())
    group_->all_gather(mine, all, place_of(device));
}

void ProcessGroup::phase(std::string_view name) {
  if (group_) group_->phase(name);
}

void ProcessGroup::fail(std::string_view cause) noexcept {
  if (group_) group_->fail(cause);
}

class RankStore::Store {
 public:
  Store() {
    c10d::TCPStoreOptions options;
    options.port = 0;
    options.isServer = true;
    options.waitWorkers = false;
    store = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  }
  c10::intrusive_ptr<c10d::TCPStore> store;
};

RankStore::RankStore() : store_(std::make_unique<Store>()) {}
RankStore::~RankStore() = default;
std::uint16_t RankStore::port() const { return store_->store->getPort(); }

}  // namespace grove
