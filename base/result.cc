#include "base/result.h"

namespace lr {

namespace {

constexpr ErrInfo kErrInfo[] = {
#define ERR(phase, name, text) {ErrPhase::phase, text},
#include "base/errors.def"
};

}  // namespace

const ErrInfo& info(Err err) { return kErrInfo[static_cast<usize>(err)]; }

std::string Error::message() const {
  std::string text(info(code).text);
  if (!detail.empty()) {
    if (!text.ends_with(' ')) text += ": ";
    text += detail;
  }
  return text;
}

Error make_error(Err code, std::string detail) {
  Error error;
  error.code = code;
  error.detail = std::move(detail);
  return error;
}

}  // namespace lr
