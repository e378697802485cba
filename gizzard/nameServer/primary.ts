import { RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';

/** One replica's note of the primary. */
export interface PrimaryNote {
  /** The topology version that the replica has: the note is as old. */
  readonly version: number;
  /** The primary; undefined if none was ever noted. */
  readonly primary: string | undefined;
}

/** The error of a change whose maker knows another primary than the replicas. */
export const otherPrimary = (primary: string, asked: string): RoostError =>
  new RoostError(
    'FailedPrecondition',
    `${asked} does not lead the cluster's name server, ${primary} does; where ${primary} is lost, run \`roost nameserver promote HOST\``,
    { fields: { host: asked, primary } },
  );

/**
 * The primary as this process knows it: the first of `nameServer.hosts`, until the replicas report that another one
 * was promoted.
 */
export class Primary {
  #host: string;
  /** The version of the newest notes that were followed: older ones, from a slow look, say nothing. */
  #version = -1;

  constructor(
    private readonly hosts: readonly string[],
    private readonly log: Log,
  ) {
    this.#host = hosts[0]!;
  }

  get host(): string {
    return this.#host;
  }

  /** The replicas with the primary first, the others in order. */
  first<S extends { readonly host: { readonly name: string } }>(stores: readonly S[]): readonly S[] {
    const primary = stores.find(({ host }) => host.name === this.#host);
    return primary === undefined ? stores : [primary, ...stores.filter((store) => store !== primary)];
  }

  /**
   * Follows a promotion by the answering replicas' notes. A promotion is on a majority, and makes the topology newer:
   * whoever hears a majority hears of it. Fewer decide nothing. True if another host is the primary now. Throws
   * `FailedPrecondition` if replicas with the same changes name different hosts, or the host is none of
   * `nameServer.hosts`.
   */
  follow(notes: readonly PrimaryNote[]): boolean {
    if (notes.length <= this.hosts.length / 2) return false;
    const newest = Math.max(...notes.map(({ version }) => version));
    const noted = new Set(
      notes.flatMap(({ version, primary }) => (version === newest && primary !== undefined ? [primary] : [])),
    );
    const [primary] = noted;
    if (primary === undefined || newest < this.#version || (noted.size === 1 && primary === this.#host)) return false;
    if (noted.size > 1)
      throw otherPrimary(
        [...noted].find((host) => host !== this.#host)!,
        this.#host,
      );
    if (!this.hosts.includes(primary))
      throw new RoostError(
        'FailedPrecondition',
        `${primary} leads the cluster's name server, and nameServer.hosts of this configuration lacks it: add it`,
        { fields: { host: primary } },
      );
    this.lead(primary, newest);
    return true;
  }

  /** Takes a host for the primary, as of a version of the topology. */
  lead(host: string, version: number): void {
    this.#version = Math.max(this.#version, version);
    if (host === this.#host) return;
    this.log.warn({ from: this.#host, to: host }, 'another host leads the name server');
    this.#host = host;
  }
}
