import { z } from 'zod';

const serverState = z.object({
  /** db1, db2, …; redis; cache1, cache2, … */
  name: z.string().regex(/^(db|redis|cache)[1-9]\d{0,2}$|^redis$/),
  kind: z.enum(['mysql', 'redis', 'memcached']),
  host: z.string(),
  port: z.int().min(1).max(65535),
  socketPath: z.string().optional(),
  /** For a server as a process of this machine: the process last started. */
  process: z.object({ pid: z.int().positive(), startMark: z.string() }).optional(),
  /** For a server in a container. */
  containerId: z.string().optional(),
});

/** The content of `playground.json`: all that another process needs to read, adopt or stop a playground. */
export const stateSchema = z.object({
  format: z.literal(1),
  source: z.enum(['binaries', 'containers']),
  /** `starting` that outlives its starter means that the starter was killed. */
  phase: z.enum(['starting', 'running', 'stopped']),
  redisFsync: z.enum(['always', 'everysec', 'no']),
  /** Every connection is encrypted, with certificates in `certs`. */
  tls: z.boolean().optional(),
  /** The password of the database user `root`. */
  password: z.string(),
  /** Such as "MariaDB 10.11.19"; absent until a database has answered. */
  serverVersion: z.string().optional(),
  servers: z.array(serverState),
});

export type PlaygroundState = z.infer<typeof stateSchema>;
export type ServerState = PlaygroundState['servers'][number];
export type ServerKind = ServerState['kind'];
export type PlaygroundSource = PlaygroundState['source'];
export type RedisFsync = PlaygroundState['redisFsync'];
