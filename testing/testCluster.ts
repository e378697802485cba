import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configPartsOf, openCluster, servedNames, serveCluster } from '../cluster/index.js';
import { Deadline, RoostError, type Address } from '../core/index.js';
import { flockStore } from '../flock/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { configSchemaWith, type RoostConfigInput } from '../process/index.js';
import { connect, type Roost } from '../sdk/index.js';
import { tbirdStore } from '../tbird/index.js';
import { timelineStore } from '../timeline/index.js';
import { usersStore } from '../users/index.js';

export interface TestClusterOptions {
  /** Names of the graphs to create. Absent: `follows`, which timelines deliver along. */
  readonly graphs?: readonly string[];
  /** Shards of each graph, of users and of timelines; 2 when absent. */
  readonly shards?: number;
}

/** A whole cluster for a test: private databases, Redis and memcached, and one server inside the test's process. */
export interface TestCluster {
  /** `host:port`, for `connect` of the client. */
  readonly server: string;
  /** The address of each service: `flock`, `tbird`, `users`, `timeline`. For clients in other languages. */
  readonly services: Readonly<Record<string, Address>>;
  /** The servers under it: `kill`, `pause` and `restart` of `db1`, `redis`, `cache1` show how an application fares. */
  readonly playground: Playground;
  /** A connected client. `stop` closes it. */
  readonly roost: Roost;
  /**
   * Returns once every accepted write, and every delivery that follows from it, has been applied. Throws `DeadlineExceeded` after a minute, and `DataLoss` where jobs were given up.
   */
  settled(): Promise<void>;
  /** Closes client and server, ends the databases, and removes their data. */
  stop(): Promise<void>;
}

const stores = [flockStore, tbirdStore, usersStore, timelineStore] as const;
const settledWithinMs = 60_000;

/**
 * Starts a cluster with graphs, tweets, users and timelines, for the tests of an application. It takes a few seconds: share one among the tests of a file.
 *
 * Servers listen on free ports of loopback, and keep everything in a temporary folder. Throws as `startPlayground` where MySQL, Redis or memcached cannot be started; nothing is left running then.
 */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { graphs = ['follows'], shards = 2 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'roost-test-'));
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const playground = await startPlayground({
      dir: join(folder, 'playground'),
      databaseHosts: 1,
      caches: 1,
      redisServers: 2,
      redisFsync: 'everysec',
    });
    closing.push(() => playground.stop());
    const cluster = await openCluster(configOf(playground), stores, {
      work: true,
      create: true,
    });
    closing.push(() => cluster.close());
    const { flock, tbird, users, timeline } = cluster.stores;
    for (const name of graphs) await flock.createGraph(name, { shards, replicas: 1 });
    await tbird.setup({ policy: { replicas: 1, stripes: shards }, graphShards: shards });
    await users.setup({ shards, replicas: 1 });
    await timeline.setup({ shards, replicas: 1 });
    const served = await serveCluster(cluster, { version: 'test' });
    closing.push(() => served.close());
    const { host, port } = served.stores[flockStore.name]!;
    const roost = await connect(`${host}:${port}`);
    closing.push(() => roost.close());
    return {
      server: `${host}:${port}`,
      services: served.stores,
      playground,
      roost,
      settled: () => settled(roost),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configOf({ configPath, redisServers }: Playground) {
  const given = JSON.parse(readFileSync(configPath, 'utf8')) as RoostConfigInput;
  const services = [...servedNames(stores), 'manager', 'injector', 'admin'];
  return configSchemaWith(configPartsOf(stores)).parse({
    ...given,
    server: Object.fromEntries(services.map((name) => [`${name}Port`, 0])),
    timeline: { hosts: { tl1: redisServers[1]! } },
    nameServer: { ...given.nameServer, reloadSeconds: 0.1 },
    log: { level: 'silent' },
  });
}

/** A delivery may pass from one queue to another between two looks, so that the journal must be empty several times in a row. */
async function settled(roost: Roost): Promise<void> {
  const deadline = Deadline.after(settledWithinMs);
  for (let emptyLooks = 0; emptyLooks < 3; await sleep(5)) {
    const { queued, failing, bad } = await roost.journal();
    if (bad > 0) throw new RoostError('DataLoss', `${bad} jobs were given up: their data is at fault`);
    emptyLooks = queued.high + queued.medium + queued.low + failing === 0 ? emptyLooks + 1 : 0;
    deadline.check('applying all jobs');
  }
}
