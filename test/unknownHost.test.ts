import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { openFlock, type Flock } from '../flock/index.js';
import { parseTemplate, unknownHosts } from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import type { RoostConfig } from '../process/index.js';
import { startServeProcess } from './serveProcess.js';
import { freshCluster } from './support/index.js';

/** A cluster in which the configurations of some servers lack the second host. */
const { config, configPath } = freshCluster('unknown_host', { nameServer: { hosts: ['db1'], reloadSeconds: 0.1 } });
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const lacking: RoostConfig = { ...config, databaseHosts: { [db1]: config.databaseHosts[db1]! } };
const said = new RegExp(
  `^(nothing was changed.*\\s*)?server testing:7920 does not know ${db2}: add it to that server's configuration and restart it$`,
);

let good: Flock;
let bad: Flock;
let graphId: number;

beforeAll(async () => {
  good = await openFlock(config, { work: true, create: true });
  graphId = (await good.createGraph('follows', { shards: 1, replicas: 1, hosts: [db1] })).id;
  bad = await openFlock(lacking, { work: true });
  bad.gizzard.servers.describe({ machine: 'testing', managerPort: 7920 });
});
afterAll(async () => {
  await bad.close();
  await good.close();
});

const write = (flock: Flock, sourceId: bigint): Promise<unknown> =>
  flock.write(
    { graphId, operations: 'add', sourceIds: BigInt64Array.of(sourceId), destinationIds: BigInt64Array.of(7n) },
    { acknowledgment: 'materialized' },
  );
const countOf = (flock: Flock, sourceId: bigint): Promise<number> =>
  flock.gizzard.read(
    flock.gizzard.topology.routes(graphId)[0]!,
    Deadline.after(5_000),
    async (host: DatabaseHost, leaf, deadline) => {
      const rows = await host.rows(
        `SELECT 1 FROM \`${config.cluster}\`.\`${leaf.shard.id.tablePrefix}_edges\` WHERE source_id = ?`,
        [sourceId],
        deadline,
      );
      return rows.length;
    },
  );

it('gives a host no shard and no replica that one server does not know', async () => {
  await expect
    .poll(async () =>
      (await good.gizzard.servers.list()).filter(({ info }) => info['hosts'] === db1 && info['machine'] === 'testing'),
    )
    .toHaveLength(1);
  const id = { hostname: db2, tablePrefix: 'new' };
  await expect(
    good.gizzard.apply([{ kind: 'createShard', shard: { id, type: 'flock', attributes: {}, busy: 'normal' } }]),
  ).rejects.toMatchObject({ code: 'FailedPrecondition', message: expect.stringMatching(said) as string });
  const planner = await good.gizzard.migrations.planner();
  const plan = planner.plan(
    graphId,
    [0n],
    [
      {
        baseId: 0n,
        template: parseTemplate(`replicating(flock(${db1}), flock(${db2}))`, (name) =>
          name === 'flock' ? name : undefined,
        ),
      },
    ],
  );
  await expect(good.gizzard.migrations.begin([plan!])).rejects.toMatchObject({
    code: 'FailedPrecondition',
    message: expect.stringContaining(`server testing:7920 does not know ${db2}`) as string,
  });
});

it('has no job applied by a server that does not know a host, so that reads never miss what was acknowledged', async () => {
  // The state after a server was restarted with an older configuration.
  const shard = {
    id: { hostname: db2, tablePrefix: 'follows_forward_other' },
    type: 'flock',
    attributes: {},
    busy: 'normal',
  } as const;
  const { gizzard } = good;
  const root = gizzard.topology.routes(graphId)[0]!.root.id;
  await bad.close();
  await gizzard.apply([
    { kind: 'createShard', shard },
    { kind: 'addLink', link: { parent: root, child: shard.id, weight: 1 } },
  ]);
  bad = await openFlock(lacking, { work: true });
  bad.gizzard.servers.describe({ machine: 'testing', managerPort: 7920 });
  expect(unknownHosts(bad.gizzard.hosts, bad.gizzard.topology)).toEqual([db2]);
  for (let i = 1n; i <= 30n; i++) {
    await write(i % 2n === 0n ? good : bad, i);
    for (let read = 0; read < 4; read++) expect(await countOf(good, i), `edge of ${i}`).toBe(1);
    // The server skips the replica that it cannot reach.
    expect(await countOf(bad, i)).toBe(1);
  }
  expect(await gizzard.jobs.laggingHosts()).toEqual([]);
});

it('says which host is missing where no replica is known, and is not ready', async () => {
  const { gizzard } = good;
  const route = gizzard.topology.routes(graphId)[0]!;
  await gizzard.apply([
    {
      kind: 'removeLink',
      parent: route.root.id,
      child: route.leaves.find(({ shard }) => shard.id.hostname === db1)!.shard.id,
    },
  ]);
  await bad.gizzard.nameServer.reload();
  await expect(countOf(bad, 1n)).rejects.toMatchObject({
    code: 'Unavailable',
    retryable: true,
    message: expect.stringContaining(`server testing:7920 does not know ${db2}: add it`) as string,
  });
  const path = `${configPath}.lacking`;
  writeFileSync(
    path,
    JSON.stringify({
      ...(JSON.parse(readFileSync(configPath, 'utf8')) as RoostConfig),
      databaseHosts: lacking.databaseHosts,
    }),
  );
  const server = await startServeProcess(path);
  try {
    const ready = await fetch(`http://127.0.0.1:${server.ports['adminPort']}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toMatch(
      new RegExp(
        `^server .+:${server.ports['managerPort']} does not know ${db2}: add it to that server's configuration and restart it`,
      ),
    );
  } finally {
    await server.stop();
  }
});
