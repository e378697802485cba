import { Access } from '../access/index.js';
import { isLoopback, RoostError } from '../core/index.js';
import type { Log, Metrics, RoostConfig } from '../process/index.js';

/**
 * The access rules of a configuration. Throws `FailedPrecondition` if other machines can reach the ports and no rules
 * are configured, and as `readAccessFile`.
 */
export function accessOf(
  { access: { file, open }, server: { host } }: Pick<RoostConfig, 'access' | 'server'>,
  options: { readonly log: Log; readonly metrics: Metrics },
): Access {
  if (file !== undefined) return Access.fromFile(file, options);
  if (open || isLoopback(host)) return Access.open;
  throw new RoostError(
    'FailedPrecondition',
    `server.host is ${host}, which other machines reach, and nothing says who may call what: name a file in \`access.file\` (\`roost access token new NAME\` begins one), or set \`access.open\` to true where everybody on the network may do everything`,
    { fields: { host } },
  );
}
