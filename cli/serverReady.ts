import { z } from 'zod';
import { stores } from './stores.js';

const address = z.object({ host: z.string(), port: z.int() });

type StoreName = (typeof stores)[number]['name'];
const names = stores.map(({ name }) => name);
const storeAddresses = Object.fromEntries(names.map((name) => [name, address])) as Record<StoreName, typeof address>;

/** What `roost serve --json` prints once it takes requests. */
export const serverReadySchema = z.object({
  pid: z.int().positive(),
  cluster: z.string(),
  /** Thrift: each store's service. */
  ...storeAddresses,
  /** Thrift: Gizzard's manager and its job injector. */
  manager: address,
  injector: address,
  /** HTTP: /healthz, /readyz, /metrics, /server_info. */
  admin: address,
});

export type ServerReady = z.infer<typeof serverReadySchema>;
