#include "jit/convention.h"

namespace lr::jit {

ValuePlaces place_values(std::span<const ValType> types, std::span<const Reg> int_regs,
                         std::span<const Reg> vector_regs) {
  ValuePlaces places;
  usize ints = 0;
  usize vectors = 0;
  for (const ValType type : types) {
    const bool is_vector = type.is_vector_class();
    const std::span<const Reg> regs = is_vector ? vector_regs : int_regs;
    usize& used = is_vector ? vectors : ints;
    const u32 words = type == kV128 ? 2 : 1;
    ValuePlace place{.type = type, .word = places.words};
    if (used < regs.size()) {
      place.reg = regs[used++];
    } else {
      place.stack_offset = places.stack_bytes;
      places.stack_bytes += words * 8;
    }
    places.words += words;
    places.values.push_back(place);
  }
  places.stack_bytes = (places.stack_bytes + 15) & ~15u;
  return places;
}

Convention::Convention(const Target& target, std::span<const ValType> param_types,
                       std::span<const ValType> result_types)
    : params(place_values(param_types, target.int_args, target.vector_args)),
      results(place_values(result_types, target.int_results, target.vector_results)) {}

}  // namespace lr::jit
