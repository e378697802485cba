-- For other scripts: the bytes of Redis's memory that a stream takes. They are measured once a second (less often for very long streams), so that nothing which adds or deletes
-- entries needs to count; addBytes keeps up with what is added in between. `now` is in microseconds.
local function streamBytes(state, stream, now)
  local entries = redis.call('XLEN', stream)
  if entries == 0 then return 0, entries end
  local bytes, at = (redis.call('HGET', state, 'bytes ' .. stream) or ''):match('(%d+) (%d+)')
  local age = at and now - at
  if age and age >= 0 and age < 1000000 + 10 * entries then return tonumber(bytes), entries end
  local measured = redis.pcall('MEMORY', 'USAGE', stream, 'SAMPLES', 0)
  bytes = type(measured) == 'number' and measured or 0
  -- On a replica this fails, and the bytes are measured each time.
  redis.pcall('HSET', state, 'bytes ' .. stream, string.format('%.0f %.0f', bytes, now))
  return bytes, entries
end

local function isFull(state, now, maxBytes)
  return function(maxEntries, ...)
    local bytes, entries = 0, 0
    for _, stream in ipairs({...}) do
      local itsBytes, itsEntries = streamBytes(state, stream, now)
      bytes, entries = bytes + itsBytes, entries + itsEntries
    end
    return entries >= tonumber(maxEntries) or bytes >= tonumber(maxBytes)
  end
end

local function addBytes(state, stream, added, now)
  local bytes, at = (redis.call('HGET', state, 'bytes ' .. stream) or ''):match('(%d+) (%d+)')
  if redis.call('XLEN', stream) == 0 then bytes, at = 0, now end
  redis.call('HSET', state, 'bytes ' .. stream, string.format('%.0f %.0f', (bytes or 0) + added, at or now))
end
