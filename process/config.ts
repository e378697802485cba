import { z } from 'zod';
import { encryptionKeys, mayConnect, ownTls } from './tlsConfig.js';

const port = z.int().min(0).max(65535);
const seconds = (max: number) => z.number().positive().max(max);
const identifier = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,47}$/, 'must start with a letter and hold only letters, digits and _');

/** A file with the password, read for each new connection, as Docker and Kubernetes provide secrets. */
const passwordFile = z.string().min(1).optional();
const oneSecret = [
  ({
    password,
    passwordFile: file,
  }: {
    readonly password?: string | undefined;
    readonly passwordFile?: string | undefined;
  }) => file === undefined || password === undefined || password === '',
  'takes `password` or `passwordFile`, and not both',
] as const;

const databaseHost = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: port.default(3306),
    /** Replaces host and port. */
    socketPath: z.string().min(1).optional(),
    user: z.string().min(1).default('root'),
    password: z.string().default(''),
    passwordFile,
    /**
     * The bytes of tables that the host has room for; transformations that need more are refused. Absent: only the
     * server's own report of its disk counts.
     */
    capacityBytes: z.int().positive().optional(),
    ...encryptionKeys,
  })
  .refine(...oneSecret)
  .refine(...mayConnect);

const redisServer = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(6379),
  /** Absent: the default user. */
  username: z.string().min(1).optional(),
  password: z.string().optional(),
  passwordFile,
  ...encryptionKeys,
});
/** How to reach a Redis server. */
export const redisSchema = redisServer.refine(...oneSecret).refine(...mayConnect);

const journalRedis = redisServer
  .extend({
    /** host:port of each Redis Sentinel, which name the primary; `host` and `port` are then unused. */
    sentinels: z
      .array(z.string().regex(/^[^\s:]+:\d{1,5}$/, 'must be host:port'))
      .min(1)
      .max(16)
      .optional(),
    /** The name by which the Sentinels know the primary. */
    sentinelName: z.string().min(1).optional(),
  })
  .refine(...oneSecret)
  .refine(({ sentinels, sentinelName }) => (sentinels === undefined) === (sentinelName === undefined), {
    message: 'sentinels and sentinelName go together',
  })
  .refine(({ sentinels, ...redis }) => sentinels !== undefined || mayConnect[0](redis), mayConnect[1])
  .refine(
    ({ sentinels, ...redis }) =>
      sentinels === undefined ||
      sentinels.every((sentinel) => mayConnect[0]({ ...redis, host: sentinel.replace(/:\d+$/, '') })),
    mayConnect[1],
  );

const server = z.strictObject({
  /** The address of every port. Loopback by default. */
  host: z.string().min(1).default('127.0.0.1'),
  /**
   * Allows unencrypted ports beyond loopback, and unencrypted calls of servers there: for a network that is trusted,
   * or encrypts by itself.
   */
  plain: z.boolean().default(false),
  /** Gizzard's manager, for DBAs' tools. */
  managerPort: port.default(7920),
  /** Accepts jobs from other clusters and from tools. */
  injectorPort: port.default(7921),
  adminPort: port.default(9990),
  /**
   * Processes that share the ports, each on a core of its own; they divide the limits below and those of `pool`. Absent: 1 where `host` is loopback, and the number of cores elsewhere. 1: the server is one
   * process, without a parent.
   */
  processes: z.int().min(1).max(256).optional(),
  /**
   * Connections to each port; each costs a descriptor and a few kilobytes. Beyond it, the longest idle ones make room
   * for new ones.
   */
  connections: z.int().min(1).max(1_000_000).default(4_096),
  /** Of these, connections from one address. Clients behind a proxy share one: set it to `connections` then. */
  connectionsPerAddress: z.int().min(1).max(1_000_000).default(2_048),
  /**
   * The greatest difference between the clocks of this server, the journal's Redis and the name server's hosts;
   * beyond it this server is not ready, and refuses writes. Hosts under NTP differ by some milliseconds, badly kept
   * ones by some hundreds.
   */
  maxClockSkewMs: z.int().min(10).max(86_400_000).default(1_000),
});

const access = z
  .strictObject({
    /**
     * A JSON file of identities with their roles, and of tokens' digests. Checked every second. `roost access` writes
     * and shows it.
     */
    file: z.string().min(1).optional(),
    /** Everybody who reaches a port may call everything. Required without a file if `server.host` is not loopback. */
    open: z.boolean().default(false),
    /** A token for this cluster's servers, which commands with this configuration present. */
    tokenFile: z.string().min(1).optional(),
    /**
     * host:port of each job injector of other clusters that may get copies of writes. Absent: all in the topology, or
     * none if there is an access file.
     */
    remoteHosts: z
      .array(z.string().regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):\d{1,5}$/, 'must be host:port'))
      .max(256)
      .optional(),
    /** A token for these injectors. Token files are read for each new connection. */
    remoteTokenFile: z.string().min(1).optional(),
  })
  .refine(({ file, open }) => file === undefined || !open, 'takes `file` or `open`, and not both');

const pool = z.strictObject({
  /** Connections to one database host. */
  size: z.int().min(1).max(512).default(16),
  /** Statements that may wait for a connection to one host; beyond it calls fail with `Overloaded`. */
  waiting: z.int().min(1).max(100_000).default(4096),
  connectTimeoutMs: z.int().min(10).max(60_000).default(1000),
  /** The longest run of a request's statement, whatever its deadline. */
  queryTimeoutMs: z.int().min(10).max(600_000).default(10_000),
});

const reads = z.strictObject({
  /** Ask a second replica when the first takes longer than 19 of 20 reads of its host. */
  hedge: z.boolean().default(false),
  /** Percentage of reads that may be sent twice. */
  hedgeMaxPercent: z.number().positive().max(100).default(5),
});

const jobs = z.strictObject({
  /** Entries in a priority's stream before writes are refused with `Overloaded`. */
  maxQueued: z.int().min(1).max(10_000_000).default(20_000),
  /**
   * Failing jobs of a priority for one database host before writes to that host are refused: the backlog of a host
   * that is down.
   */
  maxFailing: z.int().min(1).max(10_000_000).default(200_000),
  /**
   * Given-up jobs of a priority on one database host before writes to that host are refused: more than an operator
   * reviews one by one.
   */
  maxBad: z.int().min(1).max(10_000_000).default(10_000),
  /**
   * Jobs of a priority waiting for a remote cluster before writes are refused: the backlog of a cluster that is down.
   */
  maxReplicating: z.int().min(1).max(10_000_000).default(200_000),
  /**
   * Bytes of Redis's memory for one queue (a priority's, its failing and bad jobs for one database host, or a remote
   * cluster's backlog) before writes are refused: an entry may have 100 bytes or megabytes. All queues together
   * should stay below the memory of Redis's host.
   */
  maxQueuedBytes: z.int().min(1_048_576).max(1_099_511_627_776).default(536_870_912),
  /**
   * Attempts before a job becomes a bad job. Only refusals of the data itself count, such as a value that does not
   * fit its column.
   */
  errorLimit: z.int().min(1).max(1_000_000).default(100),
  /** Pause before a failed job is retried, and between two passes through a host's failing jobs. */
  errorDelaySeconds: seconds(86_400).default(5),
  /** Another worker takes over the jobs of one that has been silent for this long. */
  claimAfterSeconds: seconds(86_400).default(30),
});

const journal = z.strictObject({
  /**
   * What the journal's Redis must keep over a restart. `aof`: a server refuses to start without the append-only file,
   * because each restart of Redis would lose accepted writes. `none`: that is accepted, as with a managed Redis that
   * has replicas and no such file; a restart that lost something is still noticed, and refused until `roost journal
   * adopt`.
   */
  durability: z.enum(['aof', 'none']).default('aof'),
  /**
   * Replicas of the journal's Redis that must have a write before it is acknowledged. While fewer are connected,
   * writes are refused.
   */
  replicas: z.int().min(0).max(16).default(0),
});

const moves = z.strictObject({
  /** Concurrent copies, repairs, diffs and verifications over all servers. */
  movesAtOnce: z.int().min(1).max(1_000).default(8),
  /** Of these, those that touch one database host. */
  movesPerHost: z.int().min(1).max(100).default(2),
  /** A move's least rows per second, however busy its hosts are. */
  minRowsPerSecond: z.int().min(1).max(100_000_000).default(500),
  /** A move's most rows per second. */
  maxRowsPerSecond: z.int().min(1).max(100_000_000).default(1_000_000),
  /** How long the end of a migration waits for a silent host before it leaves the tables to be dropped behind. */
  leaveHostAfterSeconds: seconds(86_400).default(60),
  /**
   * How long hosts keep the tables of dropped graphs and shards, and those that migrations replaced, for `undrop`. A
   * host without room gives up the oldest earlier.
   */
  undropDays: z.number().positive().max(365).default(7),
});

const cacheNode = z.string().regex(/^[^\s:]+:\d{1,5}(:[1-9]\d{0,2})?$/, 'must be host:port or host:port:weight');

const cache = z.strictObject({
  /** For all nodes. */
  ...encryptionKeys,
  /** How long a read waits for a cache node. */
  deadlineMs: z.int().min(1).max(1_000).default(10),
  /** Nodes that take over the keys of ejected ones. None: the remaining nodes do. */
  gutter: z.array(cacheNode).max(1024).default([]),
  /** Nodes for whole pages, and nothing else. None: pages are not cached. */
  pages: z.array(cacheNode).max(1024).default([]),
  /** Lifetime of entries, of entries that record absence, of pages, and of entries on the gutter. */
  ttlSeconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .default(86_400),
  absentTtlSeconds: z.int().min(1).max(86_400).default(30),
  pageTtlSeconds: z.int().min(1).max(86_400).default(60),
  gutterTtlSeconds: z.int().min(1).max(3_600).default(10),
  /** How long a new node takes entries from the nodes that held its keys before. */
  warmSeconds: z.int().min(1).max(86_400).default(600),
  /** Larger values are not cached. */
  maxValueBytes: z.int().min(1_024).max(1_000_000).default(262_144),
  /**
   * Entries of each cache that a process also keeps in memory, and how long it may then miss another's write. 0:
   * none.
   */
  processEntries: z.int().min(0).max(10_000_000).default(0),
  processSeconds: seconds(60).default(2),
});

/** The schema of `roost.config.json` without the keys of stores. Every key but the database hosts has a default. */
export const configSchema = z.strictObject({
  /** The cluster's name in Redis keys and databases, so that clusters may share servers. */
  cluster: identifier.default('roost'),
  databaseHosts: z
    .record(z.string().min(1).max(64), databaseHost)
    .refine((hosts) => Object.keys(hosts).length > 0, 'needs at least one host'),
  nameServer: z.strictObject({
    /** Names from `databaseHosts`; each holds a complete copy of the topology. */
    hosts: z.array(z.string()).min(1).max(8),
    /** Seconds between checks for a newer topology. */
    reloadSeconds: seconds(3600).default(1),
    /**
     * Changes that the audit keeps, and for how many days. Each change removes entries past either limit. Rollbacks
     * of migrations and rollback logs do not need it.
     */
    auditEntries: z.int().min(1).max(10_000_000).default(10_000),
    auditDays: z.number().positive().max(36_500).default(365),
  }),
  manager: z
    .strictObject({
      /**
       * The hash of tables that Gizzard's tools create with a first forwarding, which names none. FlockDB's
       * production used `byteSwap`. Existing tables keep theirs.
       */
      defaultHash: z.enum(['fnv1a64', 'byteSwap', 'identity']).default('fnv1a64'),
    })
    .prefault({}),
  redis: journalRedis.prefault({}),
  /** host:port, or host:port:weight, of each cache node. None: nothing is cached. */
  memcached: z.array(cacheNode).max(1024).default([]),
  cache: cache.prefault({}),
  server: server.prefault({}),
  access: access.prefault({}),
  /** Absent: our own ports, and connections to other servers' ports, are not encrypted. */
  tls: ownTls.optional(),
  pool: pool.prefault({}),
  reads: reads.prefault({}),
  jobs: jobs.prefault({}),
  journal: journal.prefault({}),
  moves: moves.prefault({}),
  log: z.strictObject({ level: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info') }).prefault({}),
});

export type RoostConfig = z.output<typeof configSchema>;
export type RoostConfigInput = z.input<typeof configSchema>;
export type DatabaseHostConfig = RoostConfig['databaseHosts'][string];
export type PoolConfig = RoostConfig['pool'];
export type JobsConfig = RoostConfig['jobs'];
export type CacheConfig = RoostConfig['cache'];
export type RedisConfig = RoostConfig['redis'];
