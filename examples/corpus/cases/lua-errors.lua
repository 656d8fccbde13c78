-- Errors, which longjmp() carries out of C functions, and coroutines, which yield by it.
print(pcall(error, 'plain', 0))
print(type(select(2, pcall(error, {}))), select(2, pcall(error)))
print(pcall(string.rep), select('#', pcall(string.rep, 'x', 3)))
print(xpcall(function() local x = nil; return x.field end,
             function(m) return 'handled: ' .. m:gsub('^.-:%d+: ', '') end))
local function deep(n)
  if n == 0 then error(setmetatable({}, {__tostring = function() return 'deep object' end})) end
  return deep(n - 1) + 1
end
print(select(2, pcall(deep, 100)))
print(pcall(pcall, error, 'inner'))
local ok, message = pcall(function() local function f() return f() + 1 end return f() end)
print(ok, message:match('stack overflow'))
-- Out of a comparison inside of a sort, inside of a protected call, many times.
local failures = 0
for i = 1, 2000 do
  local t = {5, 3, 1, 4}
  if not pcall(table.sort, t, function(a, b)
    if a == 4 then error('in the sort') end
    return a < b
  end) then failures = failures + 1 end
end
print(failures)
-- Coroutines: through pcall and through metamethods.
local function producer(n)
  return coroutine.wrap(function()
    for i = 1, n do
      local ok, v = pcall(function() return coroutine.yield(i) end)
      if not ok then error('lost') end
    end
    error('at the end')
  end)
end
local sum, next_value = 0, producer(1000)
local good, why = pcall(function() while true do sum = sum + next_value() end end)
print(sum, good, why:match('at the end'))
local co = coroutine.create(function() coroutine.yield(1) error('dead') end)
print(coroutine.resume(co))
print(coroutine.resume(co))
print(coroutine.status(co), coroutine.resume(co))
-- Closing variables run while an error goes up.
do
  local log = {}
  local function closing(name)
    return setmetatable({}, {__close = function(_, e) log[#log + 1] = name .. ':' .. tostring(e) end})
  end
  print(pcall(function()
    local a <close> = closing('a')
    local b <close> = closing('b')
    error('stop', 0)
  end))
  print(table.concat(log, ' '))
end
print(load('return +'))
local t = setmetatable({}, {__index = function(_, k) error('no field ' .. k, 0) end})
print(pcall(function() return t.name end))
os.exit(pcall(error) and 1 or 12)
