import { type Cluster, type ServerCounts, whyNotReady } from '../cluster/index.js';
import { Deadline, RoostError } from '../core/index.js';
import { ClusterFigures } from './clusterFigures.js';
import {
  cachesPart,
  findingView,
  hostsPart,
  migrationsPart,
  queuesPart,
  serversPart,
  type HostMemory,
} from './parts.js';
import type { ClusterState, FindingView, PageLinks, StatePart } from './state.js';

/** The greatest age of a state that is returned again. */
const freshMs = 900;
/** The time limit of a part. Past it, the last known content of the part is shown, with the reason. */
const partDeadlineMs = 1_500;
const shownFindings = 50;

/** Gathers the state of the whole cluster, once for all concurrent callers. It does nothing while no caller asks. */
export class StateGatherer {
  #state: ClusterState | undefined;
  #gatheredAtMs = -Infinity;
  #gathering: Promise<ClusterState> | undefined;
  readonly #figures = new ClusterFigures();
  readonly #hosts = new Map<string, HostMemory>();

  constructor(
    private readonly cluster: Cluster,
    private readonly version: string,
    private readonly pages: PageLinks,
    private readonly notReady = () => whyNotReady(cluster.gizzard),
  ) {}

  /** A state of the last second. Never throws: parts that do not answer are marked in `stale`. */
  state(): Promise<ClusterState> {
    if (this.#state !== undefined && performance.now() - this.#gatheredAtMs < freshMs)
      return Promise.resolve(this.#state);
    this.#gathering ??= this.#gather().finally(() => (this.#gathering = undefined));
    return this.#gathering;
  }

  /** What all servers count of the metrics that pages of stores show. Throws if the journal's Redis does not answer. */
  async counts(): Promise<ServerCounts> {
    await this.#figures.look(this.cluster.gizzard);
    return this.#figures.counts();
  }

  async #gather(): Promise<ClusterState> {
    const { gizzard, caches } = this.cluster;
    const { growth } = this.#figures;
    const before = this.#state;
    const stale: Partial<Record<StatePart, string>> = {};
    const part = async <T>(name: StatePart, work: () => Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await Deadline.after(partDeadlineMs).race(work(), 'it');
      } catch (error) {
        stale[name] = RoostError.from(error).message;
        return otherwise;
      }
    };
    const posting = await part('heat', () => this.#figures.look(gizzard), new Set<string>() as ReadonlySet<string>);
    const [findings, servers, hosts, migrations, queues, cached] = await Promise.all([
      this.#findings(),
      part('servers', () => serversPart(gizzard, growth, posting), before?.servers ?? []),
      part('hosts', () => hostsPart(gizzard, growth, this.#hosts), before?.hosts ?? []),
      part('migrations', () => migrationsPart(gizzard), before?.migrations ?? { throttle: '', list: [], more: 0 }),
      part('queues', () => queuesPart(gizzard, growth), before?.queues ?? []),
      part(
        'caches',
        () => cachesPart(caches, growth, growth.names('cache ')),
        before?.caches ?? { list: [], nodes: [] },
      ),
    ]);
    this.#gatheredAtMs = performance.now();
    return (this.#state = {
      cluster: gizzard.config.cluster,
      version: this.version,
      atMs: Date.now(),
      topologyVersion: gizzard.topology.version,
      pages: this.pages,
      findings,
      servers,
      hosts,
      migrations,
      queues,
      caches: cached,
      heat: this.#figures.heat(gizzard),
      stale,
    });
  }

  /** Why this server is not ready, then the findings of `roost doctor`'s quick checks. */
  async #findings(): Promise<FindingView[]> {
    const { gizzard } = this.cluster;
    const ready = Deadline.after(partDeadlineMs).race(this.notReady(), 'a look at this server');
    const [why, findings] = await Promise.all([
      ready.catch((error: unknown) => RoostError.from(error).message),
      gizzard.doctor.glance(partDeadlineMs),
    ]);
    const own = {
      kind: 'notReady',
      subject: gizzard.servers.name,
      message: `${gizzard.servers.name} is not ready: ${why}`,
    };
    // An unreachable host keeps much else from being examined: causes come before their effects.
    const rank = ({ kind }: { readonly kind: string }): number => (kind === 'notExamined' ? 1 : 0);
    return [
      ...findings.filter(({ kind }) => kind === 'unreachableHost'),
      ...(why === undefined ? [] : [own]),
      ...findings,
    ]
      .filter((finding, i, all) => all.findIndex((other) => other.message === finding.message) === i)
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, shownFindings)
      .map(findingView);
  }
}
