#include <stdlib.h>

#include "lunatic.h"

char* lunatic_error_text(lunatic_error error) {
  const size_t size = lunatic_error_string_size(error);
  char* const text = malloc(size + 1);
  if (text == NULL) abort();
  lunatic_error_to_string(error, text);
  text[size] = 0;
  lunatic_error_drop(error);
  return text;
}
