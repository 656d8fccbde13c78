// Runs a JavaScript module: js SCRIPT [ARGUMENTS...].
#include <stdio.h>

#include "quickjs-libc.h"
#include "quickjs.h"

int main(int argc, char** argv) {
  JSRuntime* runtime = JS_NewRuntime();
  JSContext* context = JS_NewContext(runtime);
  if (argc < 2 || !context) return 2;
  js_std_init_handlers(runtime);
  js_init_module_std(context, "std");
  js_init_module_os(context, "os");
  js_std_add_helpers(context, argc - 1, argv + 1);
  size_t size;
  uint8_t* text = js_load_file(context, &size, argv[1]);
  if (!text) return 1;
  JSValue value = JS_Eval(context, (char*)text, size, argv[1], JS_EVAL_TYPE_MODULE);
  int status = JS_IsException(value);
  if (status) js_std_dump_error(context);
  js_std_loop(context);
  return status;
}
