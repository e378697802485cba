import { RoostError } from '../../core/index.js';
import type { Gizzard, RemoteHost } from '../../gizzard/index.js';
import { required } from '../../wire/index.js';
import type { ManagerModule } from '../../wire/manager/index.js';
import { hostFromThrift, hostToThrift, statusFromThrift } from './managerStructs.js';

export type RemoteMethods = Pick<
  ManagerModule.Client,
  | 'add_remote_host'
  | 'remove_remote_host'
  | 'set_remote_host_status'
  | 'set_remote_cluster_status'
  | 'get_remote_host'
  | 'list_remote_clusters'
  | 'list_remote_hosts'
  | 'list_remote_hosts_in_cluster'
>;

/** The clusters to which this one's writes are replicated. */
export function remoteMethods({ nameServer }: Gizzard, by: string): RemoteMethods {
  const hosts = async (): Promise<readonly RemoteHost[]> => {
    await nameServer.reload();
    return nameServer.topology.state.remoteHosts;
  };
  const host = async (hostname: string, port: number): Promise<RemoteHost> => {
    const found = (await hosts()).find(
      (known) => known.hostname === required(hostname, 'hostname') && known.port === required(port, 'port'),
    );
    if (found === undefined)
      throw new RoostError('NotFound', `there is no remote host ${hostname}:${port}`, {
        fields: { host: hostname, port },
      });
    return found;
  };
  const set = async (changed: readonly RemoteHost[]): Promise<void> => {
    await nameServer.apply(
      changed.map((each) => ({ kind: 'setRemoteHost', host: each })),
      by,
    );
  };

  return {
    async add_remote_host(added) {
      await set([hostFromThrift(added)]);
    },
    async remove_remote_host(hostname, port) {
      await nameServer.apply(
        [{ kind: 'removeRemoteHost', hostname: required(hostname, 'hostname'), port: required(port, 'port') }],
        by,
      );
    },
    async set_remote_host_status(hostname, port, status) {
      await set([{ ...(await host(hostname, port)), status: statusFromThrift(status) }]);
    },
    async set_remote_cluster_status(cluster, status) {
      const members = (await hosts()).filter((known) => known.cluster === required(cluster, 'cluster'));
      if (members.length === 0)
        throw new RoostError('NotFound', `there is no remote cluster ${cluster}`, { fields: { cluster } });
      await set(members.map((known) => ({ ...known, status: statusFromThrift(status) })));
    },
    async get_remote_host(hostname, port) {
      return hostToThrift(await host(hostname, port));
    },
    async list_remote_clusters() {
      return [...new Set((await hosts()).map(({ cluster }) => cluster))].sort();
    },
    async list_remote_hosts() {
      return (await hosts()).map(hostToThrift);
    },
    async list_remote_hosts_in_cluster(cluster) {
      return (await hosts()).filter((known) => known.cluster === cluster).map(hostToThrift);
    },
  };
}
