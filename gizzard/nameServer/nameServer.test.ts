import { once } from 'node:events';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Deadline, type ErrorCode } from '../../core/index.js';
import { changesFor, leaf, node, topologyOf } from '../../test/conformance/trees.js';
import { freshCluster } from '../../test/support/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { Metrics, silentLog, type RoostConfig } from '../../process/index.js';
import { applyChanges, type Change } from '../topology/changes.js';
import { Topology } from '../topology/topology.js';
import {
  emptyTopology,
  parseShardId,
  remoteStatuses,
  shardKey,
  type ShardInfo,
  type TopologyState,
} from '../topology/types.js';
import { NameServer } from './nameServer.js';

const { config } = freshCluster('nameserver');
const [db1, db2] = Object.keys(config.databaseHosts) as [string, string];
const hosts = new DatabaseHosts(config, silentLog);
const open: (() => Promise<void>)[] = [];
const throwsCode = (code: ErrorCode, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string });
const soon = (): Deadline => Deadline.after(10_000);

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
afterAll(() => hosts.close());

let clusters = 0;
/** A name for a cluster of one test's own. */
const nextCluster = (): string => `${config.cluster}_${++clusters}`;
/** The name server as one more process sees it. */
function newProcess(cluster: string, names: readonly string[] = [db1], on = hosts, metrics?: Metrics): NameServer {
  const nameServer = NameServer.open(on, { ...config.nameServer, hosts: [...names] }, cluster, silentLog, metrics);
  open.push(() => nameServer.close());
  return nameServer;
}
const sql = (cluster: string, statement: string) =>
  hosts.host(db1).run(statement.replaceAll('#', `\`${cluster}_nameserver\``), [], soon());

const shard = (text: string, type = 'testLeaf'): ShardInfo => ({
  id: parseShardId(text),
  type,
  attributes: {},
  busy: 'normal',
});
const createShard = (text: string): Change => ({ kind: 'createShard', shard: shard(text) });
const shardsOf = (nameServer: NameServer): string[] =>
  nameServer.topology.state.shards.map(({ id }) => shardKey(id)).sort();

describe('setting up', () => {
  it('keeps an existing name server when it is repeated', async () => {
    const cluster = nextCluster();
    const nameServer = newProcess(cluster);
    await nameServer.create();
    expect(nameServer.topology.state).toEqual(emptyTopology);
    await nameServer.apply([createShard('a/x')]);
    await nameServer.create();
    const other = newProcess(cluster);
    await other.create();
    expect(shardsOf(other)).toEqual(['a/x']);
    expect(other.topology.version).toBe(1);
  });

  it('succeeds when several processes do it at once', async () => {
    const cluster = nextCluster();
    const processes = [newProcess(cluster), newProcess(cluster), newProcess(cluster)];
    await Promise.all(processes.map((nameServer) => nameServer.create()));
    for (const nameServer of processes) expect(nameServer.topology.version).toBe(0);
  });

  it.each<[string, readonly string[]]>([
    ['nothing but the database', ['CREATE DATABASE #']],
    [
      'the first tables',
      [
        'CREATE DATABASE #',
        'CREATE TABLE #.tables (table_id INT NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, service VARCHAR(32) NOT NULL, hash VARCHAR(32) NOT NULL)',
      ],
    ],
    [
      'every table, and no version yet',
      [
        'CREATE DATABASE #',
        'CREATE TABLE #.meta (id TINYINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, change_id CHAR(32) NOT NULL)',
      ],
    ],
  ])('goes on where it stopped: %s', async (_what, statements) => {
    const cluster = nextCluster();
    for (const statement of statements) await sql(cluster, statement);
    const nameServer = newProcess(cluster);
    await expect(nameServer.reload()).rejects.toEqual(throwsCode('FailedPrecondition', /is not set up/));
    await nameServer.create();
    await nameServer.apply([createShard('a/x')]);
    expect(nameServer.topology.version).toBe(1);
  });

  it('refuses damaged tables, and says what to do', async () => {
    const cluster = nextCluster();
    const nameServer = newProcess(cluster);
    await nameServer.create();
    await nameServer.apply([createShard('a/x')]);
    await sql(cluster, 'DROP TABLE #.links');
    const damaged = throwsCode(
      'FailedPrecondition',
      new RegExp(`name server on ${db1} is damaged.*links.*restore database`),
    );
    const other = newProcess(cluster);
    await expect(other.create()).rejects.toEqual(damaged);
    await expect(other.reload()).rejects.toEqual(damaged);
    await expect(nameServer.apply([createShard('a/y')])).rejects.toEqual(damaged);
    expect(shardsOf(nameServer)).toEqual(['a/x']);
  });

  it('fails with what to do when the name server was never set up', async () => {
    const nameServer = newProcess(nextCluster());
    await expect(nameServer.reload()).rejects.toEqual(
      throwsCode('FailedPrecondition', new RegExp(`name server on ${db1} is not set up`)),
    );
    await expect(nameServer.apply([createShard('a/x')])).rejects.toEqual(
      throwsCode('FailedPrecondition', /is not set up/),
    );
  });
});

/** Hosts of which some listen on a port where nothing is. */
async function hostsWithout(...down: string[]): Promise<DatabaseHosts> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const databaseHosts: RoostConfig['databaseHosts'] = { ...config.databaseHosts };
  for (const name of down) databaseHosts[name] = { host: '127.0.0.1', port, user: 'root', password: '' };
  const some = new DatabaseHosts({ databaseHosts, pool: config.pool }, silentLog);
  open.push(() => some.close());
  return some;
}

describe('a name server that cannot be reached', () => {
  it('answers Unavailable', async () => {
    const nameServer = newProcess(nextCluster(), [db1], await hostsWithout(db1));
    const unavailable = throwsCode('Unavailable', new RegExp(`^${db1}: .*ECONNREFUSED`));
    await expect(nameServer.reload()).rejects.toEqual(unavailable);
    await expect(nameServer.create()).rejects.toEqual(unavailable);
    await expect(nameServer.apply([createShard('a/x')])).rejects.toEqual(unavailable);
    expect(nameServer.topology.version).toBe(-1);
  });

  it('leaves the old topology serving, reports, and recovers', async () => {
    const cluster = nextCluster();
    const metrics = new Metrics();
    const nameServer = newProcess(cluster, [db1], hosts, metrics);
    await nameServer.create();
    await nameServer.apply([createShard('a/x')]);
    const before = nameServer.topology;
    await newProcess(cluster).apply([createShard('a/y')]);
    await sql(cluster, 'RENAME TABLE #.links TO #.moved');
    await expect(nameServer.reload()).rejects.toEqual(throwsCode('FailedPrecondition', /damaged/));
    expect(nameServer.topology).toBe(before);
    expect(nameServer.lastReloadError?.code).toBe('FailedPrecondition');
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/^roost_topology_version 1$/m);
    expect(text).toMatch(/^roost_topology_stale 1$/m);
    expect(text).toMatch(/^roost_topology_reload_errors_total 1$/m);
    expect(text).toContain(`roost_name_server_version{host="${db1}"} 2`);

    await sql(cluster, 'RENAME TABLE #.moved TO #.links');
    await nameServer.reload();
    expect(nameServer.lastReloadError).toBeUndefined();
    expect(shardsOf(nameServer)).toEqual(['a/x', 'a/y']);
    expect(await metrics.registry.metrics()).toMatch(/^roost_topology_stale 0$/m);
  });

  it('holding a topology that is not sound leaves the old one serving', async () => {
    const cluster = nextCluster();
    const nameServer = newProcess(cluster);
    await nameServer.create();
    await nameServer.apply([createShard('a/x')]);
    await sql(cluster, "INSERT INTO #.links VALUES ('a', 'x', 'a', 'gone', 1)");
    await sql(cluster, "UPDATE #.meta SET version = 7, change_id = 'by hand'");
    await expect(nameServer.reload()).rejects.toEqual(
      throwsCode('FailedPrecondition', /a\/gone, which does not exist/),
    );
    expect(nameServer.topology.version).toBe(1);
  });

  it('is not replaced by an empty one that can be reached', async () => {
    const cluster = nextCluster();
    await newProcess(cluster, [db1]).create();
    await newProcess(cluster, [db1]).apply([createShard('a/x')]);
    // Then a second, empty replica is named, while the first does not answer.
    const blind = newProcess(cluster, [db1, db2], await hostsWithout(db1));
    await expect(blind.create()).rejects.toEqual(throwsCode('Unavailable', /ECONNREFUSED.*is not set up/));
    expect(blind.topology.version).toBe(-1);
    const seeing = newProcess(cluster, [db1, db2]);
    await seeing.create();
    expect(shardsOf(seeing)).toEqual(['a/x']);
  });

  it('counts as down in the metrics', async () => {
    const cluster = nextCluster();
    await newProcess(cluster, [db1, db2]).create();
    const metrics = new Metrics();
    await newProcess(cluster, [db1, db2], await hostsWithout(db2), metrics).reload();
    const text = await metrics.registry.metrics();
    expect(text).toContain(`roost_name_server_version{host="${db1}"} 0`);
    expect(text).toContain(`roost_name_server_version{host="${db2}"} -1`);
  });
});

describe('changes', () => {
  it('of several processes at once all land, one after another', async () => {
    const cluster = nextCluster();
    const processes = [newProcess(cluster), newProcess(cluster), newProcess(cluster)];
    await processes[0]!.create();
    const names = Array.from({ length: 24 }, (_, i) => `a/s${i}`);
    const topologies = await Promise.all(names.map((name, i) => processes[i % 3]!.apply([createShard(name)])));
    expect(topologies.length).toBe(24);
    for (const nameServer of processes) {
      await nameServer.reload();
      expect(nameServer.topology.version).toBe(24);
      expect(shardsOf(nameServer)).toEqual([...names].sort());
    }
    expect((await processes[0]!.audit({ count: 100 })).map(({ version }) => version)).toEqual(
      Array.from({ length: 24 }, (_, i) => 24 - i),
    );
  });

  it('are read back from the tables as they were made', async () => {
    const cluster = nextCluster();
    const [writer, reader] = [newProcess(cluster), newProcess(cluster)];
    await writer.create();
    const made = topologyOf(node('replicating', leaf('a', 3), node('readOnly', leaf('b', 0))), [
      { hostname: 'a', read: 0.25, write: 1e-9 },
    ]);
    await writer.apply([
      ...changesFor(made),
      { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 2n ** 63n - 1n, shard: parseShardId('a/leaf') } },
    ]);
    await reader.reload();
    expect(sorted(reader.topology.state)).toEqual(sorted(writer.topology.state));
    expect(reader.topology.routes(1)).toHaveLength(2);
  });

  it('leave the same state in the tables as in memory', async () => {
    const cluster = nextCluster();
    const [writer, reader] = [newProcess(cluster), newProcess(cluster)];
    await writer.create();
    const names = ['n/1', 'n/2', 'n/3', 'n/4'];
    const name = fc.constantFrom(...names);
    const arbitraryChange: fc.Arbitrary<Change> = fc.oneof(
      fc.record({
        kind: fc.constant('createTable' as const),
        table: fc.record({
          tableId: fc.constantFrom(-1, 1),
          name: fc.constant('t'),
          service: fc.constant('s'),
          hash: fc.constantFrom('identity', 'fnv1a64'),
        }),
      }),
      fc.record({ kind: fc.constant('removeTable' as const), tableId: fc.constantFrom(-1, 1) }),
      name.chain((text) =>
        fc
          .constantFrom('blackHole', 'slave')
          .map((type): Change => ({ kind: 'createShard', shard: shard(text, type) })),
      ),
      name.map((text): Change => ({ kind: 'deleteShard', id: parseShardId(text) })),
      fc.tuple(name, name, fc.nat(5)).map(([parent, child, weight]): Change => ({
        kind: 'addLink',
        link: { parent: parseShardId(parent), child: parseShardId(child), weight },
      })),
      fc.tuple(name, name).map(([parent, child]): Change => ({
        kind: 'removeLink',
        parent: parseShardId(parent),
        child: parseShardId(child),
      })),
      fc
        .tuple(fc.constantFrom(-1, 1), fc.bigInt({ min: 0n, max: 2n }), name)
        .map(([tableId, baseId, text]): Change => ({
          kind: 'setForwarding',
          forwarding: { tableId, baseId, shard: parseShardId(text) },
        })),
      fc
        .tuple(fc.constantFrom(-1, 1), fc.bigInt({ min: 0n, max: 2n }))
        .map(([tableId, baseId]): Change => ({ kind: 'removeForwarding', tableId, baseId })),
      fc
        .tuple(name, fc.constantFrom('normal' as const, 'busy' as const))
        .map(([text, busy]): Change => ({ kind: 'markBusy', id: parseShardId(text), busy })),
      fc.constantFrom('pauseJobs' as const, 'resumeJobs' as const).map((kind): Change => ({ kind, priority: 'low' })),
      fc
        .constantFrom('addFanout' as const, 'removeFanout' as const)
        .map((kind): Change => ({ kind, fanout: { priority: 'high', suffix: 'tap' } })),
      fc.constantFrom(...remoteStatuses).map((status): Change => ({
        kind: 'setRemoteHost',
        host: { hostname: 'far', port: 65_535, cluster: 'west', status },
      })),
      fc.constantFrom<Change>(
        { kind: 'removeRemoteHost', hostname: 'far', port: 65_535 },
        { kind: 'removeHostWeight', hostname: 'n' },
      ),
      fc
        .double({ min: 0, max: 9, noNaN: true })
        .map((read): Change => ({ kind: 'setHostWeight', weight: { hostname: 'n', read, write: 1 } })),
    );
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryChange, { minLength: 1, maxLength: 3 }), async (changes) => {
        const before = writer.topology.state;
        let expected: TopologyState | undefined;
        try {
          expected = new Topology(applyChanges(before, changes)).state;
        } catch {
          await expect(writer.apply(changes)).rejects.toThrow();
          expect(writer.topology.state).toEqual(before);
        }
        accepted += expected === undefined ? 0 : 1;
        if (expected !== undefined) expect(sorted((await writer.apply(changes)).state)).toEqual(sorted(expected));
        const fresh = newProcess(cluster);
        await fresh.reload();
        expect(sorted(fresh.topology.state)).toEqual(sorted(writer.topology.state));
      }),
      { numRuns: 60 },
    );
    expect(accepted).toBeGreaterThan(5);
    await reader.reload();
    expect(sorted(reader.topology.state)).toEqual(sorted(writer.topology.state));
  });

  it.each<[string, Change, ErrorCode]>([
    [
      'a link to nowhere',
      { kind: 'addLink', link: { parent: parseShardId('a/x'), child: parseShardId('a/gone'), weight: 1 } },
      'FailedPrecondition',
    ],
    ['a shard of another type', { kind: 'createShard', shard: shard('a/x', 'blocked') }, 'AlreadyExists'],
    ['what is not there', { kind: 'deleteShard', id: parseShardId('a/gone') }, 'NotFound'],
    ['a type too long for its column', { kind: 'createShard', shard: shard('a/y', 'x'.repeat(65)) }, 'InvalidArgument'],
    [
      'a fraction as a weight',
      { kind: 'addLink', link: { parent: parseShardId('n/1'), child: parseShardId('a/x'), weight: 0.5 } },
      'InvalidArgument',
    ],
  ])('that are refused change nothing, nor does what came with them: %s', async (_what, bad, code) => {
    const cluster = nextCluster();
    const nameServer = newProcess(cluster);
    await nameServer.create();
    await nameServer.apply([createShard('a/x'), { kind: 'createShard', shard: shard('n/1', 'replicating') }]);
    await expect(nameServer.apply([createShard('a/new'), bad])).rejects.toMatchObject({ code });
    const other = newProcess(cluster);
    await other.reload();
    for (const view of [nameServer, other]) {
      expect(view.topology.version).toBe(1);
      expect(shardsOf(view)).toEqual(['a/x', 'n/1']);
    }
    expect(await other.audit({ count: 9 })).toHaveLength(1);
  });

  it('may be repeated, each of them', async () => {
    const nameServer = newProcess(nextCluster());
    await nameServer.create();
    const changes = changesFor(topologyOf(node('replicating', leaf('a'), leaf('b'))));
    await nameServer.apply(changes);
    const made = nameServer.topology.state;
    await nameServer.apply(changes);
    expect(sorted(nameServer.topology.state)).toEqual(sorted({ ...made, version: 2 }));
  });
});

describe('a process', () => {
  it('that watches sees what another changes', async () => {
    const cluster = nextCluster();
    const [writer, watcher] = [newProcess(cluster), newProcess(cluster)];
    await writer.create();
    await watcher.reload();
    const seen: number[] = [];
    const stop = watcher.onChange((topology) => seen.push(topology.version));
    watcher.watch(10);
    await writer.apply([createShard('a/x')]);
    await expect.poll(() => shardsOf(watcher)).toEqual(['a/x']);
    stop();
    await writer.apply([createShard('a/y')]);
    await expect.poll(() => shardsOf(watcher)).toEqual(['a/x', 'a/y']);
    expect(seen).toEqual([1]);
  });

  it('that watches goes on after a failure', async () => {
    const cluster = nextCluster();
    const [writer, watcher] = [newProcess(cluster), newProcess(cluster)];
    await writer.create();
    await watcher.reload();
    watcher.watch(10);
    await sql(cluster, 'RENAME TABLE #.meta TO #.moved');
    await expect.poll(() => watcher.lastReloadError?.code).toBe('FailedPrecondition');
    await sql(cluster, 'RENAME TABLE #.moved TO #.meta');
    await writer.apply([createShard('a/x')]);
    await expect.poll(() => [watcher.lastReloadError, ...shardsOf(watcher)]).toEqual([undefined, 'a/x']);
  });

  it('that reloads sees every earlier change, also while another look is in progress', async () => {
    const cluster = nextCluster();
    const [writer, reader] = [newProcess(cluster), newProcess(cluster)];
    await writer.create();
    for (let version = 1; version <= 30; version++) {
      const underWay = reader.reload();
      await writer.apply([createShard(`a/s${version}`)]);
      await Promise.all([reader.reload(), reader.reload(), underWay]);
      expect(reader.topology.version).toBe(version);
    }
  });

  it('keeps a route that it holds while the topology changes below it', async () => {
    const nameServer = newProcess(nextCluster());
    await nameServer.create();
    await nameServer.apply(changesFor(topologyOf(node('replicating', leaf('a'), leaf('b')))));
    const held = nameServer.topology.route(1, 5n);
    await nameServer.apply([{ kind: 'removeLink', parent: parseShardId('nodes/n1'), child: parseShardId('a/leaf') }]);
    expect(held.leaves).toHaveLength(2);
    expect(nameServer.topology.route(1, 5n).leaves).toHaveLength(1);
  });
});

/** Tables have no order. */
function sorted(state: TopologyState): TopologyState {
  const sort = <T>(list: readonly T[]): T[] => [...list].sort((a, b) => (text(a) < text(b) ? -1 : 1));
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
  return {
    ...state,
    tables: sort(state.tables),
    shards: sort(state.shards),
    links: sort(state.links),
    forwardings: sort(state.forwardings),
    hostWeights: sort(state.hostWeights),
  };
}
