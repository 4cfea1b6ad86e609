// SPDX-License-Identifier: Apache-2.0
// Parameters that the host cannot read: their memory, and what optimizers compute there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "grove/parameter.hpp"

namespace grove {

/// The numbers of one AdamW update of one tensor: with g = gradient_scale x gradient,
///   m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,  x <- keep x - size m / (root sqrt(v) + eps).
struct AdamWUpdate {
  double beta1 = 0, beta2 = 0, eps = 0;
  double gradient_scale = 1;
  double keep = 1;  ///< what weight decay leaves
  double size = 0;  ///< the rate, corrected for the first moment's bias
  double root = 1;  ///< the correction of the second's
};

/// A device's memory. All that is asked for is done in the order of asking; whoever reads waits for it. Pointers are to
/// the device's memory but where a span says the host's.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;

  /// Zeros. They outlive this object where their owner does.
  virtual std::shared_ptr<void> allocate(std::size_t bytes) const = 0;
  virtual void clear(void* memory, std::size_t bytes) const = 0;
  virtual void copy(void const* from, void* to, std::size_t bytes) const = 0;
  virtual void read(void const* from, std::span<std::byte> to) const = 0;
  virtual void write(std::span<std::byte const> from, void* to) const = 0;

  /// The sum of squares, added up in double.
  virtual double squares(float const* values, std::size_t n) const = 0;
  /// Adds to `mine` [n] the sum of pieces [pieces, n], made in double in their order and rounded once.
  virtual void add_pieces(float const* pieces, std::size_t count, float* mine, std::size_t n) const = 0;
  /// bf16 numbers as f32.
  virtual void widen(std::uint16_t const* from, float* to, std::size_t n) const = 0;

  /// What one update reads and writes, n numbers each; `master` is null where `value` is f32 itself, else bf16.
  struct Tensors {
    void* value = nullptr;
    float* master = nullptr;
    float const* gradient = nullptr;
    float* first = nullptr;
    float* second = nullptr;
    std::size_t size = 0;
  };
  virtual void adamw(AdamWUpdate const& update, Tensors const& tensors) const = 0;

 protected:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory const&) = default;
  DeviceMemory& operator=(DeviceMemory const&) = default;
};

/// Numbers in a device's memory, zero at first. Copies share them.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(DeviceMemory const& device, std::size_t size)
      : device_(&device), memory_(device.allocate(size * sizeof(T))), size_(size) {}

  DeviceMemory const& device() const { return *device_; }
  T* data() const { return static_cast<T*>(memory_.get()); }
  std::size_t size() const { return size_; }
  /// For ranks that move a device's memory; not the host's to read.
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(memory_.get()), size_ * sizeof(T)}; }

  std::vector<T> read() const {
    std::vector<T> values(size_);
    if (size_ > 0) device_->read(data(), std::as_writable_bytes(std::span(values)));
    return values;
  }
  void write(std::span<T const> values) const {
    if (size_ > 0) device_->write(std::as_bytes(values), data());
  }

 private:
  DeviceMemory const* device_ = nullptr;
  std::shared_ptr<void> memory_;
  std::size_t size_ = 0;
};

/// Memory as the host reads and writes it: itself, or a copy of a device's.
class HostBytes {
 public:
  HostBytes(DeviceMemory const* device, void* memory, std::size_t bytes)
      : device_(device), memory_(memory), copy_(device != nullptr ? bytes : 0) {
    if (device_ == nullptr)
      bytes_ = {static_cast<std::byte*>(memory), bytes};
    else
      bytes_ = copy_;
    if (device_ != nullptr && bytes > 0) device_->read(memory_, bytes_);
  }
  HostBytes(HostBytes const&) = delete;
  HostBytes& operator=(HostBytes const&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  /// Whether the bytes end with this object.
  bool is_copy() const { return device_ != nullptr; }
  /// Hands a copy's bytes back to the device.
  void write_back() const {
    if (device_ != nullptr && !bytes_.empty()) device_->write(bytes_, memory_);
  }

 private:
  DeviceMemory const* device_;
  void* memory_;
  std::vector<std::byte> copy_;
  std::span<std::byte> bytes_{};
};

/// The values of a parameter on the host.
inline HostBytes host_values(ParameterView const& p) { return {p.device, p.value, p.size * value_bytes(p.dtype)}; }
/// Its gradient there.
inline HostBytes host_gradient(ParameterView const& p) {
  return {p.device, p.gradient, p.size * gradient_bytes(p.dtype)};
}

}  // namespace grove
