import type { Result } from 'ioredis';

/**
 * For other scripts: whether the journal is the one that the caller knows. `state` is the key of the journal's state, `epoch` what the caller holds for its epoch, and `known`
 * how many jobs it knows the epoch to have accepted. A journal that has accepted fewer has lost some; that is written down, so that from then on it refuses every caller.
 * Answers an error, and how many jobs the epoch has accepted.
 */
export const checkEpochLua = `
  local function checkEpoch(state, epoch, known)
    local held = redis.call('HMGET', state, 'epoch', 'accepted', 'lost')
    if held[1] ~= epoch then return {err = 'EPOCH another'} end
    local accepted = tonumber(held[2] or 0)
    if not held[3] and accepted < tonumber(known) then redis.call('HSET', state, 'lost', known) end
    if held[3] or accepted < tonumber(known) then return {err = 'EPOCH lost'} end
    return nil, accepted
  end`;

/**
 * For other scripts: the bytes of Redis's memory that a stream takes. They are measured once a second (less often for very long streams), so that nothing which adds or deletes entries
 * needs to count; addBytes keeps up with what is added in between. `now` is in microseconds.
 */
export const streamBytesLua = `
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
  end`;

/**
 * Looks at the epoch, as a server does that comes to this Redis. Key: the journal's state. Arguments: the epoch that the name server holds, '' where it holds none; how many jobs
 * it has accepted at the least; an epoch to begin with where there is none anywhere.
 * Answers the epoch ('' where there is none), its number, how many jobs it has accepted, and how many it had accepted where some are lost ('' where none is).
 */
export const lookAtEpochScript = `
  local held = redis.call('HMGET', KEYS[1], 'epoch', 'number', 'accepted', 'lost')
  if not held[1] and ARGV[1] == '' then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'number', 1, 'accepted', 0)
    return {ARGV[3], '1', '0', ''}
  end
  if held[1] == ARGV[1] and not held[4] and tonumber(held[3]) < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], 'lost', ARGV[2])
    held[4] = ARGV[2]
  end
  return {held[1] or '', held[2] or '0', held[3] or '0', held[4] or ''}`;

/** Begins epoch ARGV[2] of number ARGV[3], unless the epoch is no longer ARGV[1]. Answers the epoch that there is then. */
export const adoptEpochScript = `
  local held = redis.call('HGET', KEYS[1], 'epoch') or ''
  if held ~= ARGV[1] then return held end
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'number', ARGV[3], 'accepted', 0)
  redis.call('HDEL', KEYS[1], 'lost')
  return ARGV[2]`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    roostLookAtEpoch(
      state: string,
      epoch: string,
      accepted: number,
      fresh: string,
    ): Result<[epoch: string, number: string, accepted: string, lost: string], Context>;
    roostAdoptEpoch(state: string, from: string, to: string, number: number): Result<string, Context>;
  }
}
