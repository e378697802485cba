import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { isRoostError, type Micros } from '../../core/index.js';
import type { Operation } from '../../flock/index.js';
import { mergeTweets, type TweetRecord } from '../../tbird/tweetRecord.js';
import { mergeUsers, writeOf, type UserRecord } from '../../users/user.js';
import { randomFrom, type ModelServer } from './modelServer.js';

export const counts = { reads: 0, materialized: 0, unanswered: 0 };

export interface ModelClient {
  readonly number: number;
  /** The client's place among the clients of its kind. */
  readonly place: number;
  readonly seed: number;
  readonly servers: readonly ModelServer[];
  readonly untilMs: number;
}

/** A write, and what its caller may rely on once the write is answered as materialized. */
interface Step {
  readonly write: (options: {
    readonly time: Micros;
    readonly deadlineMs: number;
    readonly acknowledgment?: 'materialized';
  }) => Promise<void>;
  readonly done: (time: Micros) => void;
  /** Records that the write may or may not be applied, now or later. */
  readonly unsure: () => void;
  /** Throws if a server shows anything older. */
  readonly check: (server: ModelServer) => Promise<void>;
}

/**
 * Runs one client, which makes one call at a time: it reads at its own server, and reads what it has just written at
 * all servers.
 */
async function runClient(
  { number, servers, untilMs }: ModelClient,
  random: () => number,
  step: () => Step,
  read: (server: ModelServer) => Promise<void>,
): Promise<void> {
  let calls = 0;
  while (performance.now() < untilMs) {
    if (random() < 0.6) await read(servers[number % servers.length]!);
    else {
      const now = BigInt(Date.now()) * 1_000n + BigInt(number * 100 + (++calls % 100));
      // Some writes come late, and must not win.
      const time = random() < 0.1 ? now - 2_000_000n : now;
      const { write, done, unsure, check } = step();
      const materialized = random() < 0.8;
      const options = {
        time,
        deadlineMs: 10_000,
        ...(materialized ? { acknowledgment: 'materialized' as const } : {}),
      };
      try {
        await write(options);
        if (!materialized) unsure();
        else {
          counts.materialized++;
          done(time);
          await Promise.all(servers.map(check));
          if (random() < 0.1) await write(options);
        }
      } catch (error) {
        // The write is in the journal or nowhere; this client promises nothing about it.
        if (!isRoostError(error) || !(error.retryable || error.fields['journaled'] === 'true')) throw error;
        counts.unanswered++;
        unsure();
      }
    }
    await sleep(random() * 4);
  }
}

const complain = (client: ModelClient, what: string, wrote: unknown, read: unknown): Error =>
  new Error(`seed ${client.seed}: client ${client.number} wrote ${what} ${inspect(wrote)}, and read ${inspect(read)}`);

const pick = <T>(of: readonly T[], random: () => number): T => of[Math.floor(of.length * random() ** 2)]!;

/** The part that two kinds of rows share: each write merges into the known row. */
async function rowClient<R>(
  client: ModelClient,
  all: readonly bigint[],
  merge: (a: R, b: R) => R,
  rowsOf: (server: ModelServer, of: readonly bigint[]) => Promise<ReadonlyMap<bigint, R>>,
  stepOf: (
    id: bigint,
    writer: ModelServer,
    random: () => number,
  ) => Pick<Step, 'write'> & { readonly written: (time: Micros) => R },
): Promise<void> {
  const random = randomFrom(client.seed * 31 + client.number);
  const ids = idsOf(client, all, sharedIds);
  const seen = new Map<bigint, R>();
  const check = async (server: ModelServer, of: readonly bigint[]): Promise<void> => {
    const wanted = new Map(of.map((id) => [id, seen.get(id)]));
    const rows = await rowsOf(server, of);
    counts.reads += of.length;
    for (const [id, atLeast] of wanted) {
      const row = rows.get(id);
      if (atLeast !== undefined && (row === undefined || merge(row, atLeast) !== row))
        throw complain(client, `row ${id}`, atLeast, row);
    }
  };
  const step = (): Step => {
    const id = pick(ids, random);
    const { write, written } = stepOf(id, pick(client.servers, random), random);
    return {
      write,
      done: (time) => {
        const before = seen.get(id);
        seen.set(id, before === undefined ? written(time) : merge(before, written(time)));
      },
      unsure: () => undefined,
      check: (server) => check(server, [id]),
    };
  };
  // Includes the ids of other clients: another client has to load the row that its only writer is about to write.
  await runClient(client, random, step, (server) =>
    check(server, [...new Set([pick(ids, random), pick(ids, random), ...all.filter(() => random() < 0.2)])]),
  );
}

/**
 * Returns ids that only one client writes, so that no later write of another client hides anything, and some ids that
 * all clients write.
 */
function idsOf({ place }: ModelClient, all: readonly bigint[], shared: number): bigint[] {
  const [first, second] = all.slice(shared + 2 * place);
  return [first!, all[0]!, second!, ...all.slice(1, shared)];
}

/** This many of the first users and tweets belong to all clients. */
const sharedIds = 8;
export const idsPerModel = (clients: number): number => sharedIds + 2 * clients;

export const userClient = (client: ModelClient, ids: readonly bigint[]): Promise<void> =>
  rowClient<UserRecord>(
    client,
    ids,
    mergeUsers,
    (server, of) => server.users.rows.get(of),
    (id, { users }, random) => {
      const which = random();
      const user = { id, name: `user ${id}`, screenName: `u${client.number}`, flags: client.number };
      if (which < 0.15)
        return {
          write: (options) => users.remove([id], options),
          written: (time) => writeOf({ id, name: '', screenName: '', flags: 0, exists: false }, time),
        };
      if (which < 0.4)
        return {
          write: (options) => users.change([{ id, flags: client.number }], options),
          written: (time) => writeOf({ id, flags: client.number }, time),
        };
      return {
        write: (options) => users.put([user], options),
        written: (time) => writeOf({ ...user, exists: true }, time),
      };
    },
  );

/**
 * Writes tweets that are deleted and come back. Each tweet has one content, which all clients create again and again.
 */
export const tweetClient = (client: ModelClient, ids: readonly bigint[]): Promise<void> =>
  rowClient<TweetRecord>(
    client,
    ids,
    mergeTweets,
    (server, of) => server.tbird.caches!.rows.get(of),
    (id, { tbird }, random) => {
      const which = random();
      if (which < 0.2) {
        // A create does not say its time; the end of the test shows that the content is there.
        return {
          write: async (options) =>
            void (await tbird.create([{ id, userId: (id % 5n) + 1n, text: `tweet ${id}` }], options)),
          written: () => ({ id, written: undefined, losers: [], state: 0, stateAt: 0n }),
        };
      }
      const state = which < 0.6 ? 1 : 0;
      return {
        write: (options) => tbird[state === 1 ? 'delete' : 'undelete'](BigInt64Array.of(id), options),
        written: (time) => ({ id, written: undefined, losers: [], state, stateAt: time }),
      };
    },
  );

const stateAfter = { add: 'normal', archive: 'archived', remove: 'removed' } as const;

/**
 * Writes edges that only this client writes, in lists that all clients write, so each client knows which of its own
 * edges must be there.
 */
export async function edgeClient(client: ModelClient, graphId: number): Promise<void> {
  const random = randomFrom(client.seed * 37 + client.number);
  const destinationId = BigInt(1_000 + client.number);
  /** The operation that won; undefined if it is not known. */
  const known = new Map<bigint, { readonly time: Micros; readonly operation: keyof typeof stateAfter } | undefined>();
  const latest = new Map<bigint, Micros>();
  const check = async (server: ModelServer, sourceId: bigint): Promise<void> => {
    const before = known.get(sourceId);
    if (before === undefined) return;
    const { flock } = server.tbird;
    const page = async (
      of: bigint,
      direction: 'forward' | 'backward',
      state: 'normal' | 'archived',
    ): Promise<BigInt64Array> =>
      (
        await flock.select(
          { kind: 'term', term: { graphId, sourceId: of, direction, states: [state] } },
          { count: 30, cursor: -1n },
        )
      ).ids;
    counts.reads++;
    for (const state of ['normal', 'archived'] as const) {
      const there = [
        (await page(sourceId, 'forward', state)).includes(destinationId),
        (await page(destinationId, 'backward', state)).includes(sourceId),
      ];
      if (there.some((one) => one !== (stateAfter[before.operation] === state)))
        throw complain(
          client,
          `edge ${sourceId}:${destinationId}`,
          before,
          `${state}: forward ${there[0]}, backward ${there[1]}`,
        );
    }
    const [edge] = await flock.edges(graphId, BigInt64Array.of(sourceId), BigInt64Array.of(destinationId));
    if (edge?.state !== stateAfter[before.operation])
      throw complain(client, `edge ${sourceId}:${destinationId}`, before, edge);
  };
  const sources = Array.from({ length: 6 }, (_, i) => BigInt(i + 1));
  const step = (): Step => {
    const sourceId = pick(sources, random);
    const operation = pick(['add', 'remove', 'archive'] as const, random);
    const { flock } = pick(client.servers, random).tbird;
    return {
      write: ({ time, ...options }) => {
        known.set(sourceId, undefined);
        // Each time is later than the one before, so the winner is never in doubt.
        const at = time > (latest.get(sourceId) ?? 0n) ? time : latest.get(sourceId)! + 1n;
        latest.set(sourceId, at);
        return flock.write(
          {
            graphId,
            operations: operation satisfies Operation,
            sourceIds: BigInt64Array.of(sourceId),
            destinationIds: BigInt64Array.of(destinationId),
            times: BigInt64Array.of(at),
            positions: BigInt64Array.of(at),
          },
          options,
        );
      },
      done: () => known.set(sourceId, { time: latest.get(sourceId)!, operation }),
      unsure: () => known.set(sourceId, undefined),
      check: (server) => check(server, sourceId),
    };
  };
  await runClient(client, random, step, async (server) => {
    await check(server, pick(sources, random));
    // Includes the lists of other clients, as above.
    const of = BigInt(1_000 + client.number + Math.floor(random() * 10) - 5);
    await server.tbird.flock.select(
      { kind: 'term', term: { graphId, sourceId: of, direction: 'backward', states: ['normal'] } },
      { count: 10, cursor: -1n },
    );
  });
}
