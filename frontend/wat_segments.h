// Element and data segments of the text format, those that stand inside a table or memory too.
#pragma once

#include "frontend/wat_context.h"
#include "frontend/wat_sections.h"

namespace lr {

// Instructions up to the end of the construct they stand in, and `end`.
void parse_expression(WatContext& context, WatWriter& out);

// (elem ...) behind its word and its identifier.
void parse_elem_segment(WatContext& context, Section& section);
// (elem ...) inside a table of that index and element type; returns the number of elements.
u32 parse_table_elements(WatContext& context, u32 table, bool is_64, const WatWriter& type,
                         Section& section);

// (data ...) behind its word and its identifier.
void parse_data_segment(WatContext& context, Section& section);
// (data ...) inside a memory of that index; returns the number of bytes.
u64 parse_memory_data(WatContext& context, u32 memory, bool is_64, Section& section);

}  // namespace lr
