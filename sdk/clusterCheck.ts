import { RoostError } from '../core/index.js';

/** The cluster that all servers of a client must belong to: the one that the caller names, else that of the first server that says its own. */
export class ClusterCheck {
  #cluster: string | undefined;

  constructor(cluster: string | undefined) {
    this.#cluster = cluster;
  }

  /** Takes what a server says of itself: nothing where it is too old to. Throws `FailedPrecondition` for one of another cluster. */
  accept(server: string, cluster: string | undefined): void {
    if (cluster === undefined) return;
    this.#cluster ??= cluster;
    if (cluster === this.#cluster) return;
    throw new RoostError(
      'FailedPrecondition',
      `server ${server} belongs to cluster ${cluster}, not to ${this.#cluster}`,
      { fields: { server, cluster, expectedCluster: this.#cluster } },
    );
  }
}

/** Whether a server was refused for its cluster or for how it encrypts, or refuses the client, so that another one may do. */
export const isOfServerAlone = (error: RoostError): boolean =>
  error.code === 'Unauthenticated' ||
  (error.code === 'FailedPrecondition' &&
    (error.fields['expectedCluster'] !== undefined || error.fields['tls'] !== undefined));
