import type { Result } from 'ioredis';
import { movedMark } from './acceptedBefore.js';

/**
 * Forgets workers that have been silent for ARGV[2] milliseconds and left nothing. In one step: one that woke up in between would lose
 * what it has just been given.
 */
export const forgetSilentScript = `
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local info = {}
    for i = 1, #consumer, 2 do info[consumer[i]] = consumer[i + 1] end
    if info.pending == 0 and info.idle > tonumber(ARGV[2]) then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], info.name) end
  end`;

/**
 * Takes applied jobs from the queue: those of the group ARGV[1], applied under the topology of version ARGV[2]. Where the fence stands above that version
 * they go to the end of the queue, for a worker that knows more. Returns whether it did.
 */
export const settleScript = `
  local fence = redis.call('GET', KEYS[2])
  local late = fence and tonumber(fence) > tonumber(ARGV[2])
  if late then
    for i = 3, #ARGV do
      for _, job in ipairs(redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])) do
        redis.call('XADD', KEYS[1], '*', unpack(job[2]))
        for field = 1, #job[2], 2 do
          if job[2][field] == 'write' then redis.call('SET', job[2][field + 1], '${movedMark}', 'KEEPTTL', 'XX') end
        end
      end
    end
  end
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 3))
  redis.call('XDEL', KEYS[1], unpack(ARGV, 3))
  return late and 1 or 0`;

/** Raises the fence to version ARGV[1], for ARGV[2] seconds. It never falls before. */
export const raiseFenceScript = `
  if tonumber(redis.call('GET', KEYS[1]) or '-1') <= tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    roostSettle(
      queue: string,
      fence: string,
      group: string,
      topologyVersion: number,
      ids: readonly string[],
    ): Result<0 | 1, Context>;
  }
}
