import { setTimeout as sleep } from 'node:timers/promises';
import { sampleKey, type ServerCounts, serverCounts } from '../../cluster/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { serverMetrics } from './serverMetrics.js';

/** What the running servers count, with the growth over some seconds. Throws `Unavailable` if one does not answer. */
export async function countsOver(gizzard: Gizzard, seconds: number): Promise<ServerCounts> {
  const before = sumsOf(await serverMetrics(gizzard));
  await sleep(seconds * 1_000);
  const pages = await serverMetrics(gizzard);
  const now = sumsOf(pages);
  return serverCounts(pages.length, now, (key) => ((now.get(key) ?? 0) - (before.get(key) ?? 0)) / seconds);
}

/** The sums of what several servers print on /metrics, by the keys of samples. */
export function sumsOf(pages: readonly string[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const page of pages)
    for (const [, name, labels = '', value] of page.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)) {
      const pairs = Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, label, of]): [string, string] => [label!, of!]);
      const key = sampleKey(name!, Object.fromEntries(pairs));
      sums.set(key, (sums.get(key) ?? 0) + Number(value));
    }
  return sums;
}
