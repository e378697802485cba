import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach } from 'vitest';
import type { AnyJobType, Gizzard, ShardType } from '../../gizzard/index.js';
import { streamKeys, type StreamKeys } from '../../gizzard/jobs/streamKeys.js';
import { silentLog, type Metrics, type RoostConfig } from '../../process/index.js';
import type { ClusterConfigInput } from '../clusterConfig.js';
import { freshCluster } from './freshCluster.js';
import { notesTopology, openNotes, type NotesHooks } from './notes.js';

export interface OpenOptions {
  /** Shard types beside the type of notes. */
  readonly shardTypes?: readonly ShardType[];
  /** Kinds of jobs beside those of notes. */
  readonly jobTypes?: readonly AnyJobType[];
  /** Whether it takes jobs; true when absent. */
  readonly work?: boolean;
  readonly hooks?: NotesHooks;
  /** Settings beside those of the whole file. */
  readonly jobs?: Partial<RoostConfig['jobs']>;
  readonly metrics?: Metrics;
  /** The hosts of the replicas, for the first process, which creates the topology. Absent: two hosts. */
  readonly hosts?: readonly string[];
}

export interface NotesCluster {
  /** The first two database hosts. */
  readonly db1: string;
  readonly db2: string;
  /** A plain connection to the journal's Redis. */
  readonly redis: Redis;
  readonly keys: StreamKeys;
  /** Opens another process of the test's cluster, which closes after the test. */
  open(options?: OpenOptions): Promise<Gizzard>;
  /** Returns the value that both replicas of a shard hold, for comparison with `notesOf`. */
  both<T>(shard: string, held: T): Record<string, T>;
}

/**
 * Creates clusters of notes on the shared playground, a new cluster for each test of the file. Call it at the top of
 * the file.
 */
export function notesCluster(name: string, jobs: ClusterConfigInput['jobs']): NotesCluster {
  const { config } = freshCluster(name, { jobs });
  const [db1, db2] = Object.keys(config.databaseHosts) as [string, string];
  const redis = new Redis(config.redis.port, config.redis.host);
  const opened: Gizzard[] = [];
  let clusters = 0;
  let own = config;

  beforeEach(() => {
    own = { ...config, cluster: `${config.cluster}_${++clusters}` };
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
  });
  afterAll(() => redis.quit());

  return {
    db1,
    db2,
    redis,
    get keys() {
      return streamKeys(own.cluster).high;
    },
    async open(options = {}) {
      const gizzard = openNotes(
        { ...own, jobs: { ...own.jobs, ...options.jobs } },
        options.hooks,
        silentLog,
        options.metrics,
      );
      opened.push(gizzard);
      gizzard.register({ shardTypes: options.shardTypes ?? [], jobTypes: options.jobTypes ?? [] });
      await gizzard.nameServer.create();
      if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology(options.hosts ?? [db1, db2]));
      await gizzard.start({ work: options.work ?? true });
      return gizzard;
    },
    both: (shard, held) => ({ [`${db1}/${shard}`]: held, [`${db2}/${shard}`]: held }),
  };
}

/** Returns a gate that a test opens. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
