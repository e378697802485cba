import type { Redis } from 'ioredis';

const membersPerCall = 5_000;

/**
 * Edges as a user of Redis keeps them: a sorted set of destinations for each source, scored by position. Without
 * positions the ids are the scores.
 */
export async function addToSets(
  redis: Redis,
  sourceIds: BigInt64Array,
  destinationIds: BigInt64Array,
  positions = destinationIds,
): Promise<void> {
  for (let start = 0; start < sourceIds.length; start += membersPerCall) {
    const bySource = new Map<bigint, (string | number)[]>();
    for (let i = start; i < Math.min(start + membersPerCall, sourceIds.length); i++) {
      const members = bySource.get(sourceIds[i]!) ?? [];
      members.push(Number(positions[i]!), String(destinationIds[i]!));
      bySource.set(sourceIds[i]!, members);
    }
    const pipeline = redis.pipeline();
    for (const [source, members] of bySource) pipeline.zadd(setOf(source), ...members);
    await pipeline.exec();
  }
}

export const setOf = (source: bigint): string => `set:${source}`;
