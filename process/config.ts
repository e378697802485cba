import { z } from 'zod';
import { encryptionKeys, mayConnect, ownTls } from './tlsConfig.js';

const port = z.int().min(0).max(65535);
const seconds = (max: number) => z.number().positive().max(max);
const identifier = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,47}$/, 'must start with a letter and hold only letters, digits and _');

/** A file that holds the password, read again for every new connection: the way of Docker's and Kubernetes' secrets. */
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
    /** Where set, the socket is used in place of host and port. */
    socketPath: z.string().min(1).optional(),
    user: z.string().min(1).default('root'),
    password: z.string().default(''),
    passwordFile,
    /** Bytes of tables that the host has room for; transformations that would need more are refused. Absent: only what the server can tell of its disk is looked at. */
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
/** How a Redis server is reached. */
export const redisSchema = redisServer.refine(...oneSecret).refine(...mayConnect);

const journalRedis = redisServer
  .extend({
    /** host:port of each Redis Sentinel, which say where the primary is; `host` and `port` are not used then. */
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
  /** Every port binds here. Loopback unless told otherwise. */
  host: z.string().min(1).default('127.0.0.1'),
  /** Allows ports beyond loopback, and calls of servers there, that are not encrypted: on a network that is trusted, or encrypts by itself. */
  plain: z.boolean().default(false),
  /** Gizzard's manager, for DBAs' tools. */
  managerPort: port.default(7920),
  /** Takes jobs from other clusters and from tools. */
  injectorPort: port.default(7921),
  adminPort: port.default(9990),
  /**
   * Processes that share the ports, each on a core of its own; they divide the limits below and those of `pool`. Absent: 1 where `host` is loopback, and the number of cores elsewhere. 1: the server is one
   * process, without a parent.
   */
  processes: z.int().min(1).max(256).optional(),
  /** Connections to each port; each costs a descriptor and a few kilobytes. Past it, those that have been idle the longest make room for new ones. */
  connections: z.int().min(1).max(1_000_000).default(4_096),
  /** Of these, from one address. Behind a proxy all clients have one: give it as many as there are in all. */
  connectionsPerAddress: z.int().min(1).max(1_000_000).default(2_048),
  /**
   * How far the clocks of this server, of the journal's Redis and of the name server's hosts may differ; past it this server is not ready and refuses writes. Hosts under NTP differ by some
   * milliseconds, badly kept ones by some hundreds.
   */
  maxClockSkewMs: z.int().min(10).max(86_400_000).default(1_000),
});

const access = z
  .strictObject({
    /** JSON: who may call what, and the digests of tokens. Looked at every second. `roost access` makes and shows it. */
    file: z.string().min(1).optional(),
    /** Everybody who reaches a port may call everything. Needs to be said where `server.host` is not loopback and there is no file. */
    open: z.boolean().default(false),
    /** A token for the ports of this cluster's servers, shown by commands that use this configuration. */
    tokenFile: z.string().min(1).optional(),
    /** host:port of each job injector of other clusters that may get copies of writes. Absent: every one that the topology names, or none where there is a file. */
    remoteHosts: z
      .array(z.string().regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):\d{1,5}$/, 'must be host:port'))
      .max(256)
      .optional(),
    /** A token for those injectors. Tokens of both are read again for every new connection. */
    remoteTokenFile: z.string().min(1).optional(),
  })
  .refine(({ file, open }) => file === undefined || !open, 'takes `file` or `open`, and not both');

const pool = z.strictObject({
  /** Connections to one database host. */
  size: z.int().min(1).max(512).default(16),
  /** Statements that may wait for a connection to one host; past it a call fails with `Overloaded`. */
  waiting: z.int().min(1).max(100_000).default(4096),
  connectTimeoutMs: z.int().min(10).max(60_000).default(1000),
  /** No statement of a request runs longer than this, whatever its deadline. */
  queryTimeoutMs: z.int().min(10).max(600_000).default(10_000),
});

const reads = z.strictObject({
  /** Ask a second replica when the first takes longer than 19 of 20 reads of its host. */
  hedge: z.boolean().default(false),
  /** Reads out of a hundred that may be asked twice. */
  hedgeMaxPercent: z.number().positive().max(100).default(5),
});

const jobs = z.strictObject({
  /** Entries a priority's stream may hold before writes are refused with `Overloaded`. */
  maxQueued: z.int().min(1).max(10_000_000).default(20_000),
  /** Failing jobs of a priority for one database host before writes to that host are refused: room for those of a host that is away. */
  maxFailing: z.int().min(1).max(10_000_000).default(200_000),
  /** Jobs of a priority that were given up on one database host before writes to that host are refused: so many no operator looks through one by one. */
  maxBad: z.int().min(1).max(10_000_000).default(10_000),
  /** Jobs of a priority that may wait for a remote cluster before writes are refused: room for one that is away. */
  maxReplicating: z.int().min(1).max(10_000_000).default(200_000),
  /**
   * Bytes of Redis's memory that one queue may take (that of a priority, its failing and bad jobs for one database host, or the backlog for a remote cluster) before writes are refused: entries alone say little, since one may be
   * 100 bytes or megabytes. All queues together should stay below the memory of Redis's host.
   */
  maxQueuedBytes: z.int().min(1_048_576).max(1_099_511_627_776).default(536_870_912),
  /** Attempts after which a job goes to the bad-job queue. Only those count at which the data itself was refused, such as a value that does not fit its column. */
  errorLimit: z.int().min(1).max(1_000_000).default(100),
  /** Wait before a failed job is tried again, and between two rounds through the failing jobs of a host. */
  errorDelaySeconds: seconds(86_400).default(5),
  /** A job whose worker has been silent for this long is taken over by another. */
  claimAfterSeconds: seconds(86_400).default(30),
});

const journal = z.strictObject({
  /**
   * What the journal's Redis must keep through a restart. `aof`: a server refuses to start where the append-only file is off, since each restart of Redis would lose accepted
   * writes. `none`: that is accepted, as where a managed Redis offers replicas and no such file; a restart that lost something is noticed all the same, and refused until
   * `roost journal adopt`.
   */
  durability: z.enum(['aof', 'none']).default('aof'),
  /** Replicas of the journal's Redis that must have a write before it is acknowledged. While fewer are connected, writes are refused. */
  replicas: z.int().min(0).max(16).default(0),
});

const moves = z.strictObject({
  /** Copies, repairs, diffs and verifications that run at once, over all servers. */
  movesAtOnce: z.int().min(1).max(1_000).default(8),
  /** Of these, those that touch one database host. */
  movesPerHost: z.int().min(1).max(100).default(2),
  /** Rows a second below which a move does not fall, however busy its hosts are. */
  minRowsPerSecond: z.int().min(1).max(100_000_000).default(500),
  /** Rows a second that a move does not exceed. */
  maxRowsPerSecond: z.int().min(1).max(100_000_000).default(1_000_000),
  /** What the end of a migration waits for a host that does not answer, before it leaves the tables that should go behind on it. */
  leaveHostAfterSeconds: seconds(86_400).default(60),
  /** How long the tables of dropped graphs and shards, and those that migrations replaced, are kept on their hosts, for `undrop`. A host without room gives the oldest up before. */
  undropDays: z.number().positive().max(365).default(7),
});

const cacheNode = z.string().regex(/^[^\s:]+:\d{1,5}(:[1-9]\d{0,2})?$/, 'must be host:port or host:port:weight');

const cache = z.strictObject({
  /** Of all nodes. */
  ...encryptionKeys,
  /** What a read waits for a cache node before it goes on without it. */
  deadlineMs: z.int().min(1).max(1_000).default(10),
  /** Nodes that take the keys of those that are out. None: the other nodes do. */
  gutter: z.array(cacheNode).max(1024).default([]),
  /** Nodes that hold whole pages, and nothing else. None: pages are not cached. */
  pages: z.array(cacheNode).max(1024).default([]),
  /** Life of entries, of those that say that there is nothing, of pages, and of whatever is in the gutter. */
  ttlSeconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .default(86_400),
  absentTtlSeconds: z.int().min(1).max(86_400).default(30),
  pageTtlSeconds: z.int().min(1).max(86_400).default(60),
  gutterTtlSeconds: z.int().min(1).max(3_600).default(10),
  /** For how long a new node takes entries over from those that had its keys before. */
  warmSeconds: z.int().min(1).max(86_400).default(600),
  /** A larger value is not cached. */
  maxValueBytes: z.int().min(1_024).max(1_000_000).default(262_144),
  /** Entries of each cache that a process keeps to itself as well, and for how long it may then miss another's write. 0: none. */
  processEntries: z.int().min(0).max(10_000_000).default(0),
  processSeconds: seconds(60).default(2),
});

/** The schema of `roost.config.json`, without the keys of stores. Every key has a default but the database hosts. */
export const configSchema = z.strictObject({
  /** Names this cluster in Redis keys and in the databases, so that two clusters may share servers. */
  cluster: identifier.default('roost'),
  databaseHosts: z
    .record(z.string().min(1).max(64), databaseHost)
    .refine((hosts) => Object.keys(hosts).length > 0, 'needs at least one host'),
  nameServer: z.strictObject({
    /** Names from `databaseHosts`; each holds a whole copy of the topology. */
    hosts: z.array(z.string()).min(1).max(8),
    /** Seconds between looks for a newer topology. */
    reloadSeconds: seconds(3600).default(1),
    /** Changes that the audit remembers, and for how many days. Each change forgets what is past either. Rollbacks of migrations and rollback logs do without it. */
    auditEntries: z.int().min(1).max(10_000_000).default(10_000),
    auditDays: z.number().positive().max(36_500).default(365),
  }),
  manager: z
    .strictObject({
      /** How the keys of a table are hashed that Gizzard's tools make by setting its first forwarding: they name no hash. FlockDB's production used `byteSwap`. Tables that exist keep theirs. */
      defaultHash: z.enum(['fnv1a64', 'byteSwap', 'identity']).default('fnv1a64'),
    })
    .prefault({}),
  redis: journalRedis.prefault({}),
  /** host:port, or host:port:weight, of each cache node. None: nothing is cached. */
  memcached: z.array(cacheNode).max(1024).default([]),
  cache: cache.prefault({}),
  server: server.prefault({}),
  access: access.prefault({}),
  /** Absent: our own ports, and connections to those of other servers, are not encrypted. */
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
