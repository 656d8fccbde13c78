#include "frontend/types.h"

#include <string>

namespace lr {

std::string_view name_of(Heap heap) {
  switch (heap) {
    case Heap::Func:
      return "func";
    case Heap::NoFunc:
      return "nofunc";
    case Heap::Extern:
      return "extern";
    case Heap::NoExtern:
      return "noextern";
    case Heap::Any:
      return "any";
    case Heap::Eq:
      return "eq";
    case Heap::I31:
      return "i31";
    case Heap::Struct:
      return "struct";
    case Heap::Array:
      return "array";
    case Heap::None:
      return "none";
    case Heap::Exn:
      return "exn";
    case Heap::NoExn:
      return "noexn";
    case Heap::Bottom:
      return "bottom";
    case Heap::Defined:
      return "type";
  }
  return "";
}

namespace {

std::string name_of_ref(ValType type) {
  bool is_defined = type.heap == Heap::Defined;
  if (type.nullable && !is_defined && !type.exact) {
    switch (type.heap) {
      case Heap::NoFunc:
        return "nullfuncref";
      case Heap::NoExtern:
        return "nullexternref";
      case Heap::None:
        return "nullref";
      case Heap::NoExn:
        return "nullexnref";
      case Heap::Bottom:
        break;
      default:
        return std::string(name_of(type.heap)) + "ref";
    }
  }
  std::string text = type.nullable ? "(ref null " : "(ref ";
  if (type.exact) text += "(exact ";
  text += name_of(type.heap);
  if (is_defined) text += '#' + std::to_string(type.type);
  if (type.exact) text += ')';
  return text + ')';
}

}  // namespace

std::string name_of(ValType type) {
  switch (type.kind) {
    case Kind::I32:
      return "i32";
    case Kind::I64:
      return "i64";
    case Kind::F32:
      return "f32";
    case Kind::F64:
      return "f64";
    case Kind::V128:
      return "v128";
    case Kind::I8:
      return "i8";
    case Kind::I16:
      return "i16";
    case Kind::Bottom:
      return "any type";
    case Kind::Ref:
      return name_of_ref(type);
  }
  return "";
}

}  // namespace lr
