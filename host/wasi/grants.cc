#include "host/wasi/grants.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "host/wasi/resolve.h"

namespace lr::wasi {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY;

// Without "." and doubled slashes; ".." stays, for the kernel to judge. Absolute ones keep their
// slash, the empty path is ".".
std::string simplified(std::string_view path) {
  std::string out(path.starts_with('/') ? "/" : "");
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

// What is left of `path` below `parent`, both simplified; a guess for the kernel to check.
std::optional<std::string> remainder(const std::string& parent, const std::string& path) {
  if (path == parent) return ".";
  if (parent == ".") {
    if (path.starts_with('/')) return std::nullopt;
    return path;
  }
  const std::string prefix = parent == "/" ? parent : parent + "/";
  if (!path.starts_with(prefix)) return std::nullopt;
  return path.substr(prefix.size());
}

// Where the directory is now, or nothing.
std::string place_of(int fd) {
  std::string path(4096, '\0');
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  path.resize(length < 0 ? 0 : static_cast<usize>(length));
  return path;
}

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return simplified(path);
  char* const here = ::getcwd(nullptr, 0);
  const std::string full = here == nullptr ? path : std::string(here) + "/" + path;
  std::free(here);
  return simplified(full);
}

}  // namespace

Status open_grants(std::vector<DirectoryGrant>& grants) {
  for (DirectoryGrant& grant : grants) {
    if (grant.handle != nullptr) continue;
    auto handle =
        std::make_shared<UniqueFd>(::open(grant.host_path.c_str(), kDirectory | O_CLOEXEC));
    if (!*handle) {
      return make_error(Err::SystemError,
                        fmt::format("directory {}: {}", grant.host_path, std::strerror(errno)));
    }
    grant.handle = std::move(handle);
  }
  return ok_status();
}

Result<DirectoryGrant> grant_beneath(std::span<const DirectoryGrant> own, const std::string& path) {
  const char* const home = std::getenv("HOME");
  const std::string wanted = path == "~" && home != nullptr ? home : path;
  const std::string as_guest = simplified(wanted);
  const std::string as_host = absolute(wanted);
  int error = EACCES;
  for (const DirectoryGrant& grant : own) {
    if (grant.handle == nullptr) continue;
    const int parent = grant.handle->get();
    for (const auto& rest : {remainder(simplified(grant.guest_name), as_guest),
                             remainder(place_of(parent), as_host)}) {
      if (!rest) continue;
      Opened opened = open_beneath(parent, *rest, kDirectory, 0, Lookup::Full);
      if (opened.error == 0) {
        auto handle = std::make_shared<UniqueFd>(std::move(opened.file));
        return DirectoryGrant{as_host, path, grant.read_only, std::move(handle)};
      }
      if (opened.error != kEscapes) error = opened.error;
    }
  }
  return make_error(Err::BadArgument, fmt::format("directory {}: {}", path, std::strerror(error)));
}

}  // namespace lr::wasi
