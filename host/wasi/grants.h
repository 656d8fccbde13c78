// The directories of a configuration, from a path to a handle. After that no path is looked at
// again: a child's directory is resolved beneath a handle of its parent's, and by the kernel.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "host/config.h"

namespace lr::wasi {

// Opens those that are not open, by their paths in the system: what the command line grants. May
// block.
Status open_grants(std::vector<DirectoryGrant>& grants);

// What a process with the directories `own` gives a child that asks for `path`: the directory
// itself if it lies beneath one of them, read-only if that one is. The path is as the guest knows
// it (beneath the name of one of its directories), or as the system does; "~" is the user's home.
// The child sees it under the very string that was given. May block.
Result<DirectoryGrant> grant_beneath(std::span<const DirectoryGrant> own, const std::string& path);

}  // namespace lr::wasi
