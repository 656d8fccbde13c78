// Runs a Lua script: lua SCRIPT [ARGUMENTS...].
#include <stdio.h>

#include "lauxlib.h"
#include "lualib.h"

int main(int argc, char** argv) {
  lua_State* state = luaL_newstate();
  if (argc < 2 || !state) return 2;
  luaL_openlibs(state);
  lua_createtable(state, argc, 0);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(state, argv[i]);
    lua_rawseti(state, -2, i - 1);
  }
  lua_setglobal(state, "arg");
  if (luaL_loadfile(state, argv[1]) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(state, -1));
    return 1;
  }
  lua_call(state, 0, 0);
  lua_close(state);
  return 0;
}
