import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { EdgeWrites } from '../flock/index.js';
import type { RoostConfig } from '../process/index.js';
import { openTbird, type Tbird } from '../tbird/index.js';
import { openUsers, type OpenUsers } from '../users/index.js';
import { freshCluster } from './support/index.js';

// There are two servers of each kind, and their wall clocks differ: before each call, the clock of this process is
// set to that of the called server. The bound on a server's clock offset is lifted: within the bound, and past it, no
// such clock decides anything.
const unbounded = (config: RoostConfig): RoostConfig => ({
  ...config,
  server: { ...config.server, maxClockSkewMs: Infinity },
});
const ofTweets = unbounded(freshCluster('clocks').config);
const ofUsers = unbounded(freshCluster('clocks_users').config);
const minuteMs = 60_000;
const systemNow = Date.now;
const wait = { acknowledgment: 'materialized' as const };
let users: OpenUsers[];
let tbirds: Tbird[];
let edge: Pick<EdgeWrites, 'graphId' | 'sourceIds' | 'destinationIds'>;

beforeAll(async () => {
  users = [await openUsers(ofUsers, { work: true, create: true }), await openUsers(ofUsers)];
  await users[0]!.setup({ shards: 1, replicas: 2 });
  await users[1]!.gizzard.nameServer.reload();
  tbirds = [await openTbird(ofTweets, { create: true }), await openTbird(ofTweets)];
  await tbirds[0]!.gizzard.start({ work: true });
  await tbirds[0]!.setup({ policy: { windowMs: 3_600_000, stripes: 1, replicas: 2 }, graphShards: 1 });
  const { id: graphId } = await tbirds[0]!.flock.createGraph('follows', { shards: 1, replicas: 2 });
  edge = { graphId, sourceIds: BigInt64Array.of(1n), destinationIds: BigInt64Array.of(2n) };
  await tbirds[1]!.gizzard.nameServer.reload();
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => Promise.all([...users, ...tbirds].map((one) => one.close())));

/** Calls by turns the servers whose clocks are ahead by so many milliseconds. */
async function inTurns(
  aheadMs: readonly number[],
  rounds: number,
  call: (turn: number, round: number) => Promise<void>,
): Promise<void> {
  const clock = vi.spyOn(Date, 'now');
  for (let round = 0; round < rounds; round++) {
    const turn = round % aheadMs.length;
    clock.mockImplementation(() => systemNow() + aheadMs[turn]!);
    await call(turn, round);
  }
}

it.each([[[300, -300]], [[60 * minuteMs, 0]], [[0, -7_200 * minuteMs]]])(
  'the later write of an edge, of a user and of a tweet counts, with clocks ahead by %j ms',
  async (aheadMs) => {
    const [id] = await tbirds[0]!.create([{ userId: 1n, text: 'here and gone' }], wait);
    await inTurns(aheadMs, 8, async (turn, round) => {
      const change = round % 2 === 0 ? 'delete' : 'undelete';
      const name = `name ${round}`;
      await users[turn]!.put([{ id: 1n, name, screenName: 'one', flags: round }], wait);
      await tbirds[turn]![change](BigInt64Array.of(id!), wait);
      await tbirds[turn]!.flock.write({ ...edge, operations: change === 'delete' ? 'remove' : 'add' }, wait);
      expect(await users[turn]!.get([1n])).toMatchObject([{ name, flags: round }]);
      expect((await tbirds[turn]!.get(BigInt64Array.of(id!)))[0]?.text).toBe(
        change === 'delete' ? undefined : 'here and gone',
      );
      const { graphId, sourceIds, destinationIds } = edge;
      expect(await tbirds[turn]!.flock.states(graphId, sourceIds, destinationIds)).toEqual([
        change === 'delete' ? 'removed' : 'normal',
      ]);
    });
  },
);

it("holds the time that a write brings against the journal's clock", async () => {
  const time = await tbirds[0]!.flock.journalTime();
  const [id] = await tbirds[0]!.create([{ userId: 1n, text: 'timed' }], wait);
  await inTurns([-7_200 * minuteMs, 7_200 * minuteMs], 2, async () => {
    for (const [at, taken] of [
      [time, true],
      [time + 2n * 86_400_000_000n, false],
    ] as const) {
      const writes = [
        users[0]!.put([{ id: 2n, name: 'two', screenName: 'two', flags: 0 }], { time: at }),
        tbirds[0]!.delete(BigInt64Array.of(id!), { time: at }),
        tbirds[0]!.flock.write({ ...edge, operations: 'add', times: BigInt64Array.of(at) }),
      ];
      for (const write of await Promise.allSettled(writes))
        if (taken) expect(write.status).toBe('fulfilled');
        else expect(write).toMatchObject({ reason: { code: 'InvalidArgument' } });
    }
  });
});
