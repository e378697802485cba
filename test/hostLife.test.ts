import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Flock } from '../flock/index.js';
import { openTbird, type Tbird } from '../tbird/index.js';
import { callRoost } from './callRoost.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('host_life', { nameServer: { hosts: ['db1'], reloadSeconds: 0.1 } });
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const poor = `poor_${config.cluster.slice(-8)}`;
let tweets: Tbird;
let server: Flock;

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], '.');
async function asRoot(sql: string): Promise<void> {
  const { socketPath, host, port, user, password } = config.databaseHosts[db1]!;
  const connection = await createConnection(
    socketPath === undefined ? { host, port, user, password } : { user, password, socketPath },
  );
  await connection.query(sql).finally(() => connection.end());
}

const ids = BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i));

beforeAll(async () => {
  tweets = await openTbird(config, { work: true, create: true });
  server = tweets.flock;
  const { id } = await server.createGraph('follows', { shards: 2, replicas: 1, hosts: [db1] });
  await server.write(
    { graphId: id, operations: 'add', sourceIds: ids, destinationIds: ids },
    { acknowledgment: 'materialized' },
  );
});
afterAll(() => tweets.close());

const leavesOn = (host: string): number =>
  server.gizzard.topology.state.shards.filter(({ id, type }) => id.hostname === host && type === 'flock').length;

describe('the life of a database host', { timeout: 120_000 }, () => {
  it('names what an account may not do, and a host that no configuration names', async () => {
    await asRoot(`CREATE USER '${poor}'@'%' IDENTIFIED BY 'x'`);
    await asRoot(`GRANT SELECT ON *.* TO '${poor}'@'%'`);
    const before = readFileSync(configPath, 'utf8');
    try {
      const { socketPath: _socketPath, ...address } = config.databaseHosts[db1]!;
      writeFileSync(
        configPath,
        JSON.stringify({
          ...config,
          databaseHosts: { ...config.databaseHosts, poor: { ...address, user: poor, password: 'x' } },
        }),
      );
      const checked = await roost('host', 'check', 'poor');
      expect(checked.exitCode).toBe(13);
      expect(checked.stderr).toMatch(
        /host poor is not fit: rights: CREATE of .* is refused.*the account needs: GRANT SELECT, INSERT/s,
      );
      // The server's configuration does not name this host.
      const added = await roost('host', 'add', 'poor');
      expect(added.stderr).toMatch(/does not know poor yet: "poor": \{/);
      expect((await roost('host', 'check', 'nobody')).stderr).toContain('"nobody": { "host": "ADDRESS"');
    } finally {
      writeFileSync(configPath, before);
      await asRoot(`DROP USER '${poor}'@'%'`);
    }
  });

  it('warns of a setting by which a crash loses writes', async () => {
    await asRoot('SET GLOBAL innodb_flush_log_at_trx_commit = 2');
    try {
      const { stdout } = await roost('host', 'check', db1);
      expect(stdout).toContain('innodb_flush_log_at_trx_commit is 2');
      expect(stdout).toMatch(/rights +good/);
    } finally {
      await asRoot('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
    }
  });

  it('runs the commands of docs/guides/add-a-host.md', async () => {
    const commands = [...readFileSync('docs/guides/add-a-host.md', 'utf8').matchAll(/^ {7}roost (.+)$/gm)].map(
      ([, line]) => line!.split(' '),
    );
    expect(commands.map(([, verb]) => verb)).toEqual(['check', 'add', '--hosts', 'drain', 'purge', 'remove']);
    for (const args of commands) {
      if (args.includes('drain')) {
        expect(leavesOn(db2)).toBe(2);
        expect((await roost('host', 'remove', db2)).stderr).toContain(`2 shards are on it (${db2}/follows`);
      }
      if (args.includes('purge'))
        expect((await roost('host', 'remove', db2)).stderr).toContain('the tables of 2 dropped');
      const changing = args.includes('--wait') || args.includes('purge') ? ['--yes'] : [];
      const { exitCode, stderr } = await roost(...args, ...changing);
      expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: '' });
      await server.gizzard.nameServer.reload();
    }
    expect(leavesOn(db2)).toBe(0);
    expect(await server.states(server.graph('follows').id, ids, ids)).toEqual(Array.from(ids, () => 'normal'));
  });

  it('drains windows of tweets, and the place of those that are missing, and refuses where copies have no other host', async () => {
    await tweets.setup({
      policy: { stripes: 1, replicas: 1, openHosts: [db2], closedHosts: [db1, db2] },
      graphShards: 1,
    });
    expect((await roost('host', 'drain', db2, '--yes')).stderr).toContain(
      '`roost tweets setup --open-hosts` names others first',
    );
    await tweets.setup({ policy: { openHosts: [db1, db2] } });
    const drained = await roost('host', 'drain', db2, '--yes', '--wait', '--cleanup');
    expect(drained).toMatchObject({ exitCode: 0, stderr: '' });
    expect(drained.stdout).toContain(`host remove ${db2}`);
    await tweets.gizzard.nameServer.reload();
    expect(tweets.gizzard.topology.state.shards.filter(({ id }) => id.hostname === db2)).toEqual([]);
    expect(await tweets.windowSet.storedPolicy()).toMatchObject({ openHosts: [db1], closedHosts: [db1] });
    expect((await roost('shard', 'purge', '--host', db2, '--yes')).exitCode).toBe(0);
    expect(await roost('host', 'remove', db2)).toMatchObject({ exitCode: 0 });
    await server.createGraph('both', { shards: 1, replicas: 2 });
    expect((await roost('host', 'drain', db2, '--yes')).stderr).toContain('Add a host first');
    expect((await roost('host', 'remove', db1)).stderr).toContain('it is a host of the name server');
  });
});
