// SPDX-License-Identifier: Apache-2.0
#include "grove/io/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "grove/error.hpp"

namespace grove::io {

MappedFile MappedFile::open(std::string const& path) {
  int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(path, "cannot be opened: " + std::generic_category().message(errno), "a readable file");
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    throw Error(path, "is not a regular file", "a readable file");
  }
  MappedFile file;
  file.size_ = static_cast<std::size_t>(status.st_size);
  if (file.size_ > 0) {  // mapping nothing is an error of mmap, not of the file
    void* const data = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, fd, 0);
    int const code = errno;
    if (data == MAP_FAILED) {
      ::close(fd);
      throw Error(path, "cannot be mapped into memory: " + std::generic_category().message(code));
    }
    file.data_ = static_cast<std::byte const*>(data);
  }
  ::close(fd);
  return file;
}

void MappedFile::forget() const noexcept {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace grove::io
