import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Cancellation } from '../../core/index.js';
import { SelectOperationType } from '../../wire/index.js';
import type { FlockService } from '../flockService.js';
import { flockdbHandler } from './flockdbHandler.js';

/** Long enough that a few of them fill a turn of the event loop. */
const stepMs = 2;
const spin = (): void => {
  const untilMs = performance.now() + stepMs;
  while (performance.now() < untilMs);
};

const caller = { closed: new Cancellation(), waitedMs: () => 0 };
const page = { ids: new BigInt64Array(0), nextCursor: 0n, prevCursor: 0n, partial: false };

/** A service whose every query takes its time before it asks a database, and the turn of the event loop in which each began. */
function slowService(): {
  readonly flock: FlockService;
  readonly turns: number[];
  readonly watch: () => Promise<void>;
} {
  let turn = 0;
  let done = false;
  const turns: number[] = [];
  const step = (): void => {
    turns.push(turn);
    spin();
  };
  return {
    flock: {
      select: async () => (step(), Promise.resolve(page)),
      selectEdges: async () => (step(), Promise.resolve({ ...page, edges: [] })),
      count: async () => (step(), Promise.resolve(0n)),
    } as unknown as FlockService,
    turns,
    async watch() {
      setTimeout(() => (done = true), 5_000).unref();
      while (!done && turns.length < 20) {
        await nextTurn();
        turn++;
      }
    },
  };
}

const term = { source_id: 1n, graph_id: 1, is_forward: true, destination_ids: Buffer.alloc(8) };
const operations = [{ operation_type: SelectOperationType.SimpleQuery, term }];
const twenty = <T>(value: T): T[] => Array.from({ length: 20 }, () => value);

it.each<[string, (handler: ReturnType<typeof flockdbHandler>) => Promise<unknown>]>([
  ['select2', (handler) => handler.select2(twenty({ operations, page: { count: 5, cursor: -1n } }))],
  ['select_edges', (handler) => handler.select_edges(twenty({ term, page: { count: 5, cursor: -1n } }))],
  ['count2', (handler) => handler.count2(twenty(operations))],
])('begins the queries of %s over several turns of the event loop', async (_name, call) => {
  const { flock, turns, watch } = slowService();
  await Promise.all([call(flockdbHandler(flock, caller)), watch()]);
  expect(turns).toHaveLength(20);
  expect(new Set(turns).size).toBeGreaterThanOrEqual(5);
});
