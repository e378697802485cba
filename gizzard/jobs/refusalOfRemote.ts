import { RoostError } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';
import type { RemoteHost } from '../topology/types.js';

/**
 * Why writes must not be copied to a job injector: the configuration, which cannot be changed over the wire, does not
 * name it. Without `access.remoteHosts` all are allowed, or none if there are access rules.
 */
export function refusalOfRemote(
  { access: { remoteHosts, file } }: Pick<RoostConfig, 'access'>,
  { hostname, port }: Pick<RemoteHost, 'hostname' | 'port'>,
): RoostError | undefined {
  const remote = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
  if (remoteHosts === undefined ? file === undefined : remoteHosts.includes(remote)) return undefined;
  return new RoostError(
    'PermissionDenied',
    `${remote} is not allowed to get copies of writes: access.remoteHosts of the configuration does not name it`,
    { fields: { host: hostname, port } },
  );
}
