-- Lua's interpreter: tables, closures, strings and numbers.
local function range(n)
  local i = 0
  return function()
    i = i + 1
    if i <= n then return i, i * i end
  end
end
for i, square in range(5) do io.write(i, ':', square, ' ') end
print()
local Stack = setmetatable({}, {__call = function(class, ...) return setmetatable({...}, class) end})
Stack.__index = Stack
Stack.__add = function(a, b)
  local c = Stack(table.unpack(a))
  for _, v in ipairs(b) do c[#c + 1] = v end
  return c
end
Stack.__tostring = function(s) return '<' .. table.concat(s, ',') .. '>' end
print(tostring(Stack(1, 2) + Stack(3)), #Stack(1, 2, 3))
print(7 // 2, -7 // 2, -7 % 3, 7 / 2, 2 ^ 10, 1 << 62, 0xff ~ 0x0f, 3 | 4)
print(math.maxinteger + 1 == math.mininteger)
print(('%5.2f|%-6s|%q|%x|%g'):format(3.14159, 'ab', 'line\n"q"', 255, 1e100))
print(('one two  three'):gsub('%s+', '_'), ('key = value'):match('^(%w+)%s*=%s*(%w+)$'))
print(select('#', nil, nil), select(-1, 'a', 'b'), #arg, arg[1])
local words = {}
for w in ('the quick brown fox jumps over the lazy dog'):gmatch('%a+') do words[#words + 1] = w end
table.sort(words, function(a, b) return #a ~= #b and #a < #b or #a == #b and a < b end)
print(table.concat(words, ' '))
local out = assert(io.open('/work/lua.txt', 'w'))
out:write('first\n', 2, '\n', 3.5, '\n')
out:close()
for line in io.lines('/work/lua.txt') do io.write('[', line, ']') end
print()
print(io.open('/work/none'))
print(os.getenv('LEVEL'), os.getenv('NONE'))
local t, n = {}, 0
for i = 1, 100000 do t[i % 1000] = {i} n = n + #t end
collectgarbage()
print(n, utf8.len('é€'), string.pack('<i4', 258):byte(1, 4))
os.exit(11)
