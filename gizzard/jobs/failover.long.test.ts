import { afterAll, beforeAll, expect, it } from 'vitest';
import { acknowledgments, failOver, faultsOf } from '../../test/support/failover.js';
import { freshCluster } from '../../test/support/index.js';
import { notesTopology, openNotes } from '../../test/support/notes.js';
import { ReplicatedRedis } from '../../test/support/replicatedRedis.js';
import type { Gizzard } from '../gizzard.js';

const rounds = Number(process.env['ROOST_FAILOVERS'] ?? 50);
const seed = Number(process.env['ROOST_SEED'] ?? Date.now() % 1_000_000);
const maxLoadMs = 1_500;
const { config } = freshCluster('failovers', {});
const redis = new ReplicatedRedis();

beforeAll(() => redis.start());
afterAll(() => redis.stop());

it(
  `loses no acknowledged write in ${rounds} kills of the journal's primary`,
  async () => {
    console.error(`seed ${seed}`);
    let state = seed;
    const random = (): number => (state = (state * 48_271 + 11) % 2_147_483_647) / 2_147_483_647;
    const open = (replicas: number): Gizzard =>
      openNotes({
        ...config,
        redis: { ...config.redis, ...redis.config },
        journal: { ...config.journal, replicas },
        jobs: { ...config.jobs, claimAfterSeconds: 1 },
      });
    const gizzard = open(1);
    const alone = open(0);
    const pauses: number[] = [];
    const acknowledged: number[][] = [[], [], [], []];
    try {
      await gizzard.nameServer.create();
      await gizzard.apply(notesTopology(Object.keys(config.databaseHosts).slice(0, 2)));
      await alone.start({ work: false });
      await gizzard.start({ work: true });
      for (const process of [alone, gizzard, alone, gizzard])
        console.error(`journal.replicas ${process.config.journal.replicas}: ${await acknowledgments(process)}`);
      // It takes what no replica has for kept.
      await alone.close();
      for (let round = 0; round < rounds; round++) {
        const killAfterMs = Math.floor(random() * maxLoadMs);
        const failover = await failOver(gizzard, redis, { from: round * 1_000_000, killAfterMs });
        pauses.push(failover.pauseMs);
        failover.acknowledged.forEach((ours, writer) => acknowledged[writer]!.push(...ours));
        // Until then the other replica may still follow the dead primary, and jobs wait.
        await redis.rejoin(failover.killed);
        expect(await faultsOf(gizzard, acknowledged), `round ${round} of seed ${seed}`).toEqual({
          missing: [],
          backwards: [],
          alike: true,
        });
      }
    } finally {
      await gizzard.close();
      const sorted = pauses.map(Math.round).sort((a, b) => a - b);
      console.error(
        `${pauses.length} kills, ${acknowledged.flat().length} acknowledged writes; pause in ms: median ${sorted[sorted.length >> 1]}, longest ${sorted.at(-1)}`,
      );
    }
  },
  rounds * 60_000,
);
