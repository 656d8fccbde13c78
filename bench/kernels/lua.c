// A real interpreter: Lua runs a script of calls, tables, closures, strings and numbers.
#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"
#include "support.h"

static const char kScript[] =
    "local n = ...\n"
    "local function fib(i) if i < 2 then return i end return fib(i - 1) + fib(i - 2) end\n"
    "local Account = {}\n"
    "Account.__index = Account\n"
    "function Account.new(b) return setmetatable({balance = b, log = {}}, Account) end\n"
    "function Account:deposit(v)\n"
    "  self.balance = self.balance + v\n"
    "  self.log[#self.log + 1] = v\n"
    "end\n"
    "local function sieve(limit)\n"
    "  local composite, count = {}, 0\n"
    "  for i = 2, limit do\n"
    "    if not composite[i] then\n"
    "      count = count + 1\n"
    "      for j = i * i, limit, i do composite[j] = true end\n"
    "    end\n"
    "  end\n"
    "  return count\n"
    "end\n"
    "local function words(seed)\n"
    "  local out = {}\n"
    "  for i = 1, 400 do\n"
    "    seed = (seed * 1103515245 + 12345) % 2147483648\n"
    "    out[i] = string.format('%s%d', string.char(97 + seed // 7 % 26), seed % 1000)\n"
    "  end\n"
    "  table.sort(out)\n"
    "  return table.concat(out, ' ')\n"
    "end\n"
    "local total = 0\n"
    "for round = 1, n do\n"
    "  total = total + fib(18) + sieve(4000)\n"
    "  local account = Account.new(round)\n"
    "  for i = 1, 2000 do account:deposit(i % 7) end\n"
    "  total = total + account.balance + #account.log\n"
    "  local text = words(round)\n"
    "  local longest = 0\n"
    "  for word in text:gmatch('%a%d+') do longest = math.max(longest, #word) end\n"
    "  local _, sevens = text:gsub('7', 'seven')\n"
    "  total = total + longest + sevens + #text:upper():rep(2)\n"
    "  local x = 0.5\n"
    "  for i = 1, 3000 do x = 3.7 * x * (1 - x) end\n"
    "  total = (total + math.floor(x * 1000000)) % 1000000007\n"
    "end\n"
    "return total\n";

i32 run(i32 n) {
  lua_State* state = luaL_newstate();
  if (!state) return -1;
  luaL_requiref(state, LUA_GNAME, luaopen_base, 1);
  luaL_requiref(state, LUA_STRLIBNAME, luaopen_string, 1);
  luaL_requiref(state, LUA_TABLIBNAME, luaopen_table, 1);
  luaL_requiref(state, LUA_MATHLIBNAME, luaopen_math, 1);
  lua_settop(state, 0);
  if (luaL_loadbuffer(state, kScript, sizeof kScript - 1, "script") != LUA_OK) return -2;
  lua_pushinteger(state, n);
  lua_call(state, 1, 1);
  i32 checksum = (i32)lua_tointeger(state, -1);
  lua_close(state);
  return checksum;
}
