import { LuaScript } from '../../redis/index.js';
import type { TimelineEntry } from '../entry.js';

const script = <Args extends object, Answer>(
  name: string,
): LuaScript<{ readonly shards: string }, Args & { readonly shard: string }, Answer> =>
  new LuaScript(new URL(`lua/${name}.lua`, import.meta.url), { bytes: true });

interface Bounds {
  readonly keep: number;
  readonly max: number;
}

interface ToMany extends Bounds {
  readonly entry: TimelineEntry;
  readonly prefix: string;
  /** Decimal, separated by commas. */
  readonly ids: string;
}

type Mark = string | Buffer;

/** The atomic steps of timelines in Redis. Each script in `lua/` says at its head what it does, takes and answers. */
export const scripts = {
  push: script<ToMany, number>('push'),
  deliver: script<
    ToMany & {
      readonly at: number;
      readonly least: number;
      readonly token: number;
      readonly most: number;
      readonly revive: 0 | 1;
    },
    [pushed: number, left: number, ...fills: (Buffer | number)[]]
  >('deliver'),
  posted: script<{ readonly name: string; readonly ttl: number; readonly terms: Buffer }, 1>('posted'),
  rates: script<{ readonly name: string }, [posts: Buffer, terms: Buffer, reads: Buffer, pace: Buffer | null]>('rates'),
  remove: script<ToMany, [held: number, there: number]>('remove'),
  store: script<
    { readonly name: string; readonly ttl: number; readonly keep: number; readonly entries: readonly TimelineEntry[] },
    1
  >('store'),
  begin: script<{ readonly name: string; readonly ttl: number }, 0 | 1>('begin'),
  merge: script<
    Bounds & {
      readonly name: string;
      readonly through: Mark;
      readonly floor: Mark;
      readonly author: Mark;
      readonly token: number;
      readonly given: readonly TimelineEntry[];
    },
    number
  >('merge'),
  unmerge: script<Bounds & { readonly name: string; readonly keys: readonly Buffer[] }, number>('unmerge'),
  read: script<
    {
      readonly name: string;
      readonly ttl: number;
      readonly limit: number;
      readonly before: Mark;
      readonly since: Mark;
      readonly originals: 0 | 1;
      readonly reading: 0 | 1;
    },
    null | [through: Buffer, older: 0 | 1 | 2, count: number, pulled: Buffer, ...entries: TimelineEntry[]]
  >('read'),
  floor: script<{ readonly name: string }, null | Buffer>('floor'),
  row: script<{ readonly name: string }, null | [through: Buffer, ttlMs: number, pace: Buffer, ...stored: Buffer[]]>(
    'row',
  ),
  absorb: script<
    Bounds & {
      readonly name: string;
      readonly through: Mark;
      readonly ttlMs: number;
      readonly pace: Buffer;
      readonly stored: readonly Buffer[];
    },
    1
  >('absorb'),
  withdraw: script<{ readonly name: string; readonly at: number; readonly bytes: Buffer }, number>('withdraw'),
  supersede: script<Bounds & { readonly name: string; readonly at: number; readonly entry: TimelineEntry }, number>(
    'supersede',
  ),
  lease: script<{ readonly name: string; readonly ms: number }, 0 | 1>('lease'),
  delete: script<{ readonly name: string }, 0 | 1>('delete'),
  names: script<{ readonly after: string; readonly limit: number }, [last: Buffer, ...names: Buffer[]]>('names'),
};
