-- What every script of this folder includes.
--
-- A hash maps the name of a shard to its key space (redis/keySpaces.ts). A list in it holds one timeline: its entries in
-- ascending order of their keys, newest at the tail. A key has 64 bits, little-endian, and is never negative; a Lua number holds 53 bits, so
-- keys are compared as two halves.

-- A list holds all there is above its head's key, and takes nothing below it. An empty string at the head says that it holds all there is at all; it keeps an empty
-- timeline apart from a missing one. A trim takes it away, and whatever is the head then bounds what the list holds.
local sentinel = ''
-- Ends a tombstone, which is the key of a removed entry and this mark: an append that arrives later stays out.
local gone = 'gone'
-- Shorter entries have no key that counts: they never dedupe.
local full_entry_bytes = 20

local function space_of(shards, shard)
  local space = redis.call('HGET', shards, shard)
  if not space then return nil, redis.error_reply('NOSHARD ' .. shard) end
  if space == gone then return nil, redis.error_reply('GONESHARD ' .. shard) end
  return space
end

-- The sorted set of the names of a space's timelines.
local function index_of(space)
  return string.sub(space, 1, -2)
end

-- How far back a timeline is complete: absent where it is as far as it goes.
local function through_of(space, name)
  return index_of(space) .. '#' .. name
end

-- Says that somebody rebuilds a timeline.
local function lease_of(space, name)
  return index_of(space) .. '#lease#' .. name
end

local function key_of(entry)
  if #entry < 8 then return 0, 0 end
  local low, high = struct.unpack('<I4I4', entry)
  return high, low
end

local function less(a_high, a_low, b_high, b_low)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

local function is_tombstone(entry)
  return #entry == 12 and string.sub(entry, 9) == gone
end

local function is_entry(entry)
  return entry ~= sentinel and not is_tombstone(entry)
end

-- The place of the first entry, behind the sentinel, whose key is at least the given one; one behind the last where there is none.
local function lower_bound(entries, high, low)
  local from, to = entries[1] == sentinel and 2 or 1, #entries + 1
  while from < to do
    local middle = math.floor((from + to) / 2)
    local its_high, its_low = key_of(entries[middle])
    if less(its_high, its_low, high, low) then from = middle + 1 else to = middle end
  end
  return from
end

-- The place of what holds a key, an entry or its tombstone; nil and where it belongs where there is none. `place`: that of the lower bound, if it is known.
local function find(entries, high, low, place)
  place = place or lower_bound(entries, high, low)
  for i = place, #entries do
    local its_high, its_low = key_of(entries[i])
    if its_high ~= high or its_low ~= low then break end
    if #entries[i] >= full_entry_bytes or is_tombstone(entries[i]) then return i end
  end
  return nil, place
end

-- The end of a list, from before the place of a key, and that place in it; all of the list where the place is the head's. A list is long, and what comes late is not late by much.
local function tail_from(list, high, low)
  local size = 4
  while true do
    local tail = redis.call('LRANGE', list, -size, -1)
    local place = lower_bound(tail, high, low)
    if place > 1 or #tail < size then return tail, place end
    size = size * 8
  end
end

-- Appends entries from one on, in pieces: Lua unpacks some thousands at most. Returns the length of the list.
local function append(list, entries, first)
  local length
  for from = first, #entries, 1000 do
    length = redis.call('RPUSH', list, unpack(entries, from, math.min(from + 999, #entries)))
  end
  return length
end

-- Inserts an entry at a place of such a tail, behind its first. Returns the length of the list.
local function insert(list, tail, place, entry)
  if place <= #tail then redis.call('LTRIM', list, 0, place - #tail - 2) end
  table.insert(tail, place, entry)
  return append(list, tail, place)
end

-- Replaces a list, which has a head, and keeps the time when it expires.
local function rewrite(list, entries, keep)
  local left = redis.call('PTTL', list)
  redis.call('DEL', list)
  append(list, entries, math.max(1, #entries - keep + 1))
  if left > 0 then redis.call('PEXPIRE', list, left) end
end
