import { RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';

/** What one replica of the name server's database has noted. */
export interface PrimaryNote {
  /** The version of the topology that the replica has seen: the note is as old as that. */
  readonly version: number;
  /** The host that decides on changes; undefined where none was ever noted. */
  readonly primary: string | undefined;
}

/** The replicas hold another host for the one that decides on changes than whoever makes this change. */
export const otherPrimary = (primary: string, asked: string): RoostError =>
  new RoostError(
    'FailedPrecondition',
    `${asked} does not lead the cluster's name server, ${primary} does; where ${primary} is lost, run \`roost nameserver promote HOST\``,
    { fields: { host: asked, primary } },
  );

/** The host that decides on changes, as this process knows it: the one that `nameServer.hosts` names first, until the replicas say that another one was promoted. */
export class Primary {
  #host: string;
  /** Of the newest topology whose notes were followed: older notes, of a look that took long, say nothing. */
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

  /** The replicas with the primary first, the others in their order. */
  first<S extends { readonly host: { readonly name: string } }>(stores: readonly S[]): readonly S[] {
    const primary = stores.find(({ host }) => host.name === this.#host);
    return primary === undefined ? stores : [primary, ...stores.filter((store) => store !== primary)];
  }

  /**
   * Follows a promotion, by the notes of the replicas that answer. A promotion stands on a majority, and makes the topology newer: whoever hears a majority hears of it. Fewer decide nothing.
   * True where another host is the primary now. Throws `FailedPrecondition` where replicas that have seen the same changes name different hosts, or the host is none of `nameServer.hosts`.
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

  /** Holds a host for the primary since a version of the topology. */
  lead(host: string, version: number): void {
    this.#version = Math.max(this.#version, version);
    if (host === this.#host) return;
    this.log.warn({ from: this.#host, to: host }, 'another host leads the name server');
    this.#host = host;
  }
}
