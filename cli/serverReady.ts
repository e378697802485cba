import { z } from 'zod';

const address = z.object({ host: z.string(), port: z.int() });

/** What `roost serve --json` prints once it takes requests. */
export const serverReadySchema = z.object({
  pid: z.int().positive(),
  cluster: z.string(),
  /** Thrift: FlockDB's service and ours. */
  flock: address,
  /** Thrift: Gizzard's manager and its job injector. */
  manager: address,
  injector: address,
  /** Thrift: tweets. */
  tbird: address,
  /** Thrift: users. */
  users: address,
  /** HTTP: /healthz, /readyz, /metrics, /server_info. */
  admin: address,
});

export type ServerReady = z.infer<typeof serverReadySchema>;
