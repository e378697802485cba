import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { tableIdOf } from '../flock/graphs.js';
import { openFlock, type Flock } from '../flock/index.js';
import { callRoost } from './callRoost.js';
import { untilApplied } from './flock/untilApplied.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('checkcommand');
let flock: Flock;
const check = (...args: string[]) =>
  callRoost(['flock', 'check', 'follows', '--settle', '200', '--config', configPath, ...args], import.meta.dirname);

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  const graph = await flock.createGraph('follows', { shards: 1, replicas: 2 });
  await flock.write(
    {
      graphId: graph.id,
      operations: 'add',
      sourceIds: BigInt64Array.of(1n, 1n),
      destinationIds: BigInt64Array.of(2n, 3n),
    },
    { acknowledgment: 'materialized' },
  );
});
afterAll(() => flock.close());

it('says what is wrong, fails until it is put right, and repairs it', async () => {
  expect(await check()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing is wrong') as string });

  const [leaf] = flock.gizzard.topology.routes(tableIdOf(1, 'forward'))[0]!.leaves;
  await flock.gizzard.mysql
    .host(leaf!.shard.id.hostname)
    .run(
      `DELETE FROM \`${config.cluster}\`.\`${leaf!.shard.id.tablePrefix}_edges\` WHERE destination_id = 3`,
      [],
      Deadline.after(5_000),
    );
  const found = await check('--json');
  expect(found).toMatchObject({
    exitCode: 18,
    stderr: expect.stringContaining('roost flock check follows --repair') as string,
  });
  expect(JSON.parse(found.stdout)).toMatchObject({
    graph: 'follows',
    found: expect.arrayContaining([
      expect.objectContaining({ kind: 'edge', id: '1', otherId: '3', repaired: false }),
    ]) as unknown,
  });

  const all = await callRoost(
    ['check', 'flock', '--settle', '200', '--json', '--config', configPath],
    import.meta.dirname,
  );
  expect(all).toMatchObject({ exitCode: 18, stderr: expect.stringContaining('roost check flock --repair') as string });
  expect(JSON.parse(all.stdout)).toMatchObject({ stores: { flock: { repaired: 0 } } });

  // The first round repairs the row; the second repairs the counter, which the repair of the row leaves one too high.
  for (let round = 0; round < 2; round++) {
    expect((await check('--repair')).exitCode).toBe(0);
    await untilApplied(flock);
  }
  expect((await check()).exitCode).toBe(0);
}, 60_000);

it('refuses an unknown graph', async () => {
  expect(await callRoost(['flock', 'check', 'nobody', '--config', configPath], import.meta.dirname)).toMatchObject({
    exitCode: 11,
  });
});

it('is found under the name of before, which stands in no help', async () => {
  expect(
    await callRoost(
      ['flock', 'audit', 'follows', '--settle', '200', '--config', configPath, '--json'],
      import.meta.dirname,
    ),
  ).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('called `roost flock check` now') as string });
  expect((await callRoost(['flock', '--help'], import.meta.dirname)).stdout).not.toContain('audit');
});
