import type { Result } from 'ioredis';
import { streamBytesLua } from './epochScripts.js';
import { movedMark } from './acceptedBefore.js';

/**
 * Records the end of one attempt at a job: takes its entry from the stream where it lies and puts an entry for each host on which it failed into that
 * host's stream, in one step. The counts of jobs that wait for each leaf change in the same step, so that they are always those of the streams.
 *
 * Keys: the entry's stream, the counts by leaf, the marks, the number of changes, the set of hosts, the fence, where the write that the job is part of is remembered,
 * then for each new entry its host's failing and bad stream. Arguments: the consumer group where the stream is the queue, else ''; the entry's id; the host of its stream, '' for none; the version of
 * the topology under which it ran, '' where that does not matter; the bound of a bad stream; whether those who repeat the write and wait
 * are to hear that it is not applied (1 or 0); then for each new entry its host, whether it is bad (1 or 0), its leaves by lines,
 * the number of its fields, and the fields.
 *
 * Answers 'gone' where the entry is not there, as somebody else has recorded its end; 'late' where the job was applied under a topology below the fence,
 * and stays; else the greatest mark of the new entries' leaves. A job that would become bad stays failing where the bad stream is full.
 */
export const refileScript = `
  local source, counts, marks, changes, hosts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
  local entry = redis.call('XRANGE', source, ARGV[2], ARGV[2])[1]
  if ARGV[4] ~= '' and tonumber(redis.call('GET', KEYS[6]) or '-1') > tonumber(ARGV[4]) then return 'late' end
  if ARGV[1] ~= '' then redis.call('XACK', source, ARGV[1], ARGV[2]) end
  if not entry then return 'gone' end
  if ARGV[6] == '1' then redis.call('SET', KEYS[7], '${movedMark}', 'KEEPTTL', 'XX') end
  local at, mark = 7, 0
  for i = 8, #KEYS, 2 do
    local host, leaves, fields = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3])
    local target = KEYS[i]
    if ARGV[at + 1] == '1' and redis.call('XLEN', KEYS[i + 1]) < tonumber(ARGV[5]) then target = KEYS[i + 1] end
    redis.call('XADD', target, '*', unpack(ARGV, at + 4, at + 3 + fields))
    if host ~= '' then
      redis.call('SADD', hosts, host)
      for leaf in string.gmatch(leaves, '[^\\n]+') do
        if redis.call('HINCRBY', counts, leaf, 1) == 1 then redis.call('HSET', marks, leaf, redis.call('INCR', changes)) end
        mark = math.max(mark, tonumber(redis.call('HGET', marks, leaf) or 0))
      end
    end
    at = at + 4 + fields
  end
  redis.call('XDEL', source, ARGV[2])
  if ARGV[3] ~= '' then
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'leaves' then
        for leaf in string.gmatch(entry[2][i + 1], '[^\\n]+') do
          if redis.call('HINCRBY', counts, leaf, -1) < 1 then
            redis.call('HDEL', counts, leaf)
            redis.call('HDEL', marks, leaf)
            redis.call('INCR', changes)
          end
        end
      end
    end
  end
  return string.format('%.0f', mark)`;

/**
 * What waits, by priority and host. Keys: the counts by leaf, the number of changes, the journal's state, then for each priority its set of hosts, its failing and its bad stream, those
 * that name no host. The streams of the hosts are found from the set. Arguments: the number of changes that is known already.
 * Answers that number; by priority a flat list of host, failing jobs, bad jobs, and the bytes that both take; and the lagging leaves with their counts, nothing where the number is the same.
 */
export const waitingScript = `${streamBytesLua}
  local clock = redis.call('TIME')
  local now = clock[1] * 1000000 + clock[2]
  local changes = redis.call('GET', KEYS[2]) or '0'
  local queues = {}
  for i = 4, #KEYS, 3 do
    local queue = {}
    local function add(host, failing, bad)
      local failingBytes, failingJobs = streamBytes(KEYS[3], failing, now)
      local badBytes, badJobs = streamBytes(KEYS[3], bad, now)
      for _, value in ipairs({host, failingJobs, badJobs, failingBytes + badBytes}) do queue[#queue + 1] = value end
    end
    add('', KEYS[i + 1], KEYS[i + 2])
    for _, host in ipairs(redis.call('SMEMBERS', KEYS[i])) do add(host, KEYS[i + 1] .. ':' .. host, KEYS[i + 2] .. ':' .. host) end
    queues[#queues + 1] = queue
  end
  return {changes, queues, changes == ARGV[1] and {} or redis.call('HGETALL', KEYS[1])}`;

/** Writes down who tries a stream's jobs again: ARGV[2], where so far it was ARGV[1]. Answers who it is now. */
export const passScript = `
  local now = redis.call('GET', KEYS[1]) or ''
  if now ~= ARGV[1] then return now end
  redis.call('SET', KEYS[1], ARGV[2])
  return ARGV[2]`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    roostRefile(
      keyCount: number,
      keys: readonly string[],
      values: readonly (string | Buffer | number)[],
    ): Result<string, Context>;
    roostWaiting(
      keyCount: number,
      keys: readonly string[],
      known: string,
    ): Result<[changes: string, queues: (string | number)[][], leaves: string[]], Context>;
    roostPass(key: string, from: string, to: string): Result<string, Context>;
  }
}
