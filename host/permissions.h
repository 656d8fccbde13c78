// Which permissions a process has; see permissions.def.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/types.h"

namespace lr {

enum class Permission : u8 {
#define PERMISSION(name, text) name,
#include "host/permissions.def"
};

inline constexpr std::string_view kPermissionNames[] = {
#define PERMISSION(name, text) #name,
#include "host/permissions.def"
};

// A set that only shrinks from parent to child.
class PermissionSet {
 public:
  constexpr PermissionSet() = default;
  constexpr PermissionSet(std::initializer_list<Permission> granted) {
    for (const Permission permission : granted) grant(permission);
  }
  static constexpr PermissionSet all() {
    PermissionSet set;
    set.bits_ = ~u64{0};
    return set;
  }

  constexpr void grant(Permission permission) { bits_ |= bit(permission); }
  constexpr void deny(Permission permission) { bits_ &= ~bit(permission); }
  constexpr bool has(Permission permission) const {
    return permission == Permission::None || (bits_ & bit(permission)) != 0;
  }
  constexpr PermissionSet operator&(PermissionSet other) const {
    other.bits_ &= bits_;
    return other;
  }

 private:
  static constexpr u64 bit(Permission permission) { return u64{1} << static_cast<u32>(permission); }

  u64 bits_ = 0;
};

}  // namespace lr
