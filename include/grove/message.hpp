// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace grove {

/// One turn of a conversation, as chat templates name it: `role` is "system", "user" or "assistant".
struct Message {
  std::string role;
  std::string content;
};

}  // namespace grove
