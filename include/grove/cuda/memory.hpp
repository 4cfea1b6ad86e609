// SPDX-License-Identifier: Apache-2.0
// Copies between the host and the current CUDA device.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

struct CUstream_st;  // of a cudaStream_t

namespace grove::cuda {

/// The current device's memory by way of a stream; null is the default one. Copies have been made when a call returns.
/// Throws Error where CUDA refuses.
class Memory {
 public:
  explicit Memory(CUstream_st* stream = nullptr) : stream_(stream) {}
  ~Memory() { done(); }
  Memory(Memory const&) = delete;
  Memory& operator=(Memory const&) = delete;

  /// Devices there are; 0 also where there is no driver.
  static int devices();

  template <class T>
  void to_host(std::span<const T> from, std::span<T> to) {
    copy_to_host(from.data(), to.data(), from.size_bytes());
  }
  template <class T>
  void to_device(std::span<const T> from, std::span<T> to) {
    copy_to_device(from.data(), to.data(), from.size_bytes());
  }

  /// The address of a copy on the device, good until `done`; null for nothing.
  template <class T>
  T* upload(std::span<T> from) {
    return static_cast<T*>(upload_bytes(from.data(), from.size_bytes()));
  }
  /// Waits for the stream and frees what was uploaded.
  void done();

  [[nodiscard]] CUstream_st* stream() const { return stream_; }

 private:
  void copy_to_host(void const* from, void* to, std::size_t bytes);
  void copy_to_device(void const* from, void* to, std::size_t bytes);
  void* upload_bytes(void const* from, std::size_t bytes);

  CUstream_st* stream_;
  std::vector<void*> uploaded_{};
};

}  // namespace grove::cuda
