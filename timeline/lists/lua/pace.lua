-- How often something happens, and whose entries a timeline leaves to its readers.
--
-- A rate is a number that halves in a day and grows by one each time: f64 number · f64 seconds, when it was that, little-endian. Beside each list stands the rate of its reads, and behind it
-- the authors who are pulled: those whose entries are not pushed into the list, so that each read asks for them. Each takes 12 bytes: i64 author · u32 token. A token other than 0 marks an
-- author who is about to be pushed again: entries are pushed from then on, and the author is pulled until the fill that has this token has brought the older ones.
-- It lives at least as long as the list: without it entries would be missing.
local half_life = 86400
local rate_bytes = 16
local pulled_bytes = 12
local outlives = 86400

local function pace_of(space, name)
  return index_of(space) .. '#pace#' .. name
end

local function posts_of(space, name)
  return index_of(space) .. '#posts#' .. name
end

local function seconds_now()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

-- What the rate at the beginning of a string is now. A clock that went back decays nothing.
local function rate_at(pace, now)
  if not pace or #pace < rate_bytes then return 0 end
  local number, seconds = struct.unpack('<dd', pace)
  return number * 2 ^ (-math.max(0, now - seconds) / half_life)
end

local function with_rate(pace, number, now)
  return struct.pack('<dd', number, now) .. string.sub(pace or '', rate_bytes + 1)
end

-- Where an author stands among those who are pulled, and the token; nil where the author is pushed.
local function pulled_at(pace, author)
  for at = rate_bytes + 1, #pace, pulled_bytes do
    if string.sub(pace, at, at + 7) == author then return at, (struct.unpack('<I4', pace, at + 8)) end
  end
end

local function with_token(pace, at, token)
  return string.sub(pace, 1, at + 7) .. struct.pack('<I4', token) .. string.sub(pace, at + pulled_bytes)
end
