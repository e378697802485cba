import { setTimeout as sleep } from 'node:timers/promises';
import type { RoostConfig } from '../process/index.js';
import { openTbird } from '../tbird/index.js';
import type { NewTweet } from '../sdk/index.js';

/** Sets up tweets with one replica of each table, and waits until the server knows them. */
export async function setUpTweets(
  config: RoostConfig,
  stripes: number,
  graphShards: number,
  windowMs = 86_400_000,
): Promise<void> {
  const tbird = await openTbird(config, { create: true });
  try {
    await tbird.setup({ policy: { windowMs, stripes, replicas: 1 }, graphShards });
  } finally {
    await tbird.close();
  }
  await sleep(config.nameServer.reloadSeconds * 1000 + 500);
}

const words =
  'the quick brown fox jumps over a lazy dog while timelines roll and shards keep every tweet in its own window of time'.split(
    ' ',
  );

/** Generates tweets of about 80 characters by many authors. The same numbers give the same tweets. */
export function generatedTweets(count: number, users: number): NewTweet[] {
  return Array.from({ length: count }, (_, i) => ({
    userId: BigInt(1 + ((i * 7919) % users)),
    text: `${i} ${Array.from({ length: 13 }, (_unused, k) => words[(i * 31 + k * 17) % words.length]).join(' ')}`,
  }));
}
