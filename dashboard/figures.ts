import { sampleKey } from '../cluster/index.js';
import { BackgroundLoop } from '../core/index.js';
import type { Gizzard, KeyHeat, TreeHeat } from '../gizzard/index.js';
import type { Metrics, MetricSample } from '../process/index.js';

const postEveryMs = 2_000;
/** A server without a post for this long has no figures. */
const keptMs = 10_000;
const postedTrees = 256;
const postedKeys = 50;
/** Samples of the metrics that pages of stores show. */
const postedSamples = 500;

/** The figures that one server posts: lists of numbers, by name. Counters only grow. */
export interface ServerFigures {
  /** Tells this post from the ones before. */
  readonly post: number;
  readonly atMs: number;
  /** `sql HOST` and `rpc`: a histogram, see `bounds`; `cache NAME`: hits, misses; `jobs PRIORITY`: applied; `call METHOD`: calls, and the seconds that they took; `metric KEY`: a sample of a store's pages, see `sampleKey`. */
  readonly counters: Readonly<Record<string, readonly number[]>>;
  /** `pool HOST`: callers that wait, connections in use. */
  readonly gauges: Readonly<Record<string, readonly number[]>>;
  /** The upper bounds of the buckets of histograms, in seconds. The last bucket has none. */
  readonly bounds: readonly number[];
  /** Reads and writes of the server since its last post. */
  readonly heat: { readonly spanMs: number; readonly trees: readonly TreeHeat[]; readonly keys: readonly KeyHeat[] };
}

/** Posts this server's figures every two seconds, for any server that is asked for the state of the cluster. */
export class FiguresPost {
  readonly #loop: BackgroundLoop;
  #post = 0;
  #takenAtMs = Date.now();

  constructor(
    private readonly gizzard: Gizzard,
    /** The metrics that pages of stores show. */
    private readonly shown: readonly string[],
  ) {
    this.#loop = new BackgroundLoop(() => this.#step(), {
      everyMs: postEveryMs,
      onError: (error, repeated) => {
        if (!repeated) gizzard.log.debug({ err: error }, 'the figures of this server could not be posted');
      },
    });
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #step(): Promise<void> {
    const { jobs, servers, metrics, heat } = this.gizzard;
    const { trees, keys } = heat.take();
    const atMs = Date.now();
    const spanMs = Math.max(1, atMs - this.#takenAtMs);
    this.#takenAtMs = atMs;
    const figures: ServerFigures = {
      post: ++this.#post,
      atMs,
      ...(await readFigures(metrics, this.shown)),
      heat: { spanMs, trees: trees.slice(0, postedTrees), keys: keys.slice(0, postedKeys) },
    };
    await jobs.notices.post(servers.id, JSON.stringify(figures), keptMs);
  }
}

/** Extracts a process's figures from its metrics. Reads no metric that queries another machine. */
export async function readFigures(
  metrics: Metrics,
  shown: readonly string[] = [],
): Promise<Pick<ServerFigures, 'counters' | 'gauges' | 'bounds'>> {
  const counters: Record<string, number[]> = {};
  const gauges: Record<string, number[]> = {};
  const bounds: number[] = [];
  const addAt = (numbers: Record<string, number[]>, name: string, place: number, value: number): void => {
    const list = (numbers[name] ??= []);
    while (list.length <= place) list.push(0);
    list[place]! += value;
  };
  for (const [metric, nameOf] of [
    ['roost_sql_duration_seconds', (labels: Labels) => `sql ${labels['host']}`],
    ['roost_rpc_duration_seconds', () => 'rpc'],
  ] as const) {
    const buckets = (await metrics.samples(metric)).filter(({ metricName }) => metricName === `${metric}_bucket`);
    for (const { labels, value } of buckets) {
      const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
      if (!bounds.includes(bound)) bounds.push(bound);
      addAt(counters, nameOf(labels), bounds.indexOf(bound), value);
    }
  }
  for (const { metricName, labels, value } of await metrics.samples('roost_rpc_duration_seconds')) {
    const place = ['roost_rpc_duration_seconds_count', 'roost_rpc_duration_seconds_sum'].indexOf(metricName ?? '');
    if (place >= 0) addAt(counters, `call ${labels['method']}`, place, value);
  }
  for (const [place, what] of ['hits', 'misses'].entries())
    for (const { labels, value } of await metrics.samples(`roost_cache_${what}_total`))
      addAt(counters, `cache ${labels['cache']}`, place, value);
  for (const { labels, value } of await metrics.samples('roost_jobs_total'))
    if (labels['outcome'] === 'applied') addAt(counters, `jobs ${labels['priority']}`, 0, value);
  for (const [place, metric] of ['roost_sql_waiting', 'roost_sql_connections_in_use'].entries())
    for (const { labels, value } of await metrics.samples(metric))
      addAt(gauges, `pool ${labels['host']}`, place, value);
  const samples = (await Promise.all(shown.map(async (name) => samplesOf(name, await metrics.samples(name))))).flat();
  for (const { key, value } of samples.slice(0, postedSamples)) addAt(counters, `metric ${key}`, 0, value);
  // JSON has no infinity.
  return { counters, gauges, bounds: bounds.filter(Number.isFinite) };
}

const samplesOf = (name: string, samples: readonly MetricSample[]) =>
  samples.map(({ metricName = name, labels, value }) => ({ key: sampleKey(metricName, labels), value }));

type Labels = Readonly<Record<string, string | number>>;
