import * as openTelemetry from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { connect, type Graph, type OpenTelemetry } from '../sdk/index.js';
import type { BenchCluster, ClusterBenchmark, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { cpuMicros } from './cpuMicros.js';
import { generatedColumns } from './edgeColumns.js';
import { seededRandom } from '../test/moving/seededRandom.js';
import { latencies, ofRounds } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const edgeCount = sized(20_000);
/** Calls of one slice. The sides take turns after each slice, so that other load on the machine meets all of them. */
const calls = { reads: 200, writes: 50 };
const slicesPerRound = sized(100);
/** The costly side takes one turn in so many. */
const turnsOfAll = 10;
const inFlight = 32;
/** The shares of calls whose traces are kept; undefined: the client has no OpenTelemetry. */
const shares = {
  untraced: undefined,
  'untraced too': undefined,
  'none sampled': 0,
  '1 % sampled': 0.01,
  'all sampled': 1,
} as const;
type Side = keyof typeof shares;
const sides = Object.keys(shares) as readonly Side[];
const others = sides.filter((side) => side !== 'untraced');
type Kind = keyof typeof calls;
const kinds = Object.keys(calls) as readonly Kind[];

/** The CPU time of client and server for calls that are not gathered, by the share of traces that are sampled. */
export const traces: ClusterBenchmark = {
  name: 'traces',
  about: `slices of ${calls.reads} pages of edges and of ${calls.writes} batches of one edge, ${inFlight} in flight, each a call`,
  meaning: 'How much traces cost a service and its servers. “Untraced too” says how exact that is.',
  traced: true,
  async run({ config, roost, ready, server }: BenchCluster): Promise<readonly Figure[]> {
    const columns = generatedColumns(edgeCount, seedOf(19));
    const name = await makeGraph(config, 'traces', 4);
    await (await roost.graph(name)).writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const clients = await Promise.all(
      sides.map((side) =>
        connect({ servers: [`${ready.flock.host}:${ready.flock.port}`], ...tracingOf(shares[side]) }),
      ),
    );
    const graphs = await Promise.all(clients.map((client) => client.graph(name)));
    const cpu = (): number => {
      const { user, system } = process.cpuUsage();
      return cpuMicros(server.pid) + user + system;
    };
    const costOf = async (kind: Kind, side: Side, slice: number): Promise<number> => {
      const before = cpu();
      await latencies(calls[kind], inFlight, (i) =>
        work[kind](graphs[sides.indexOf(side)]!, columns.sourceIds, slice + i * 97),
      );
      await untilMaterialized(roost);
      return cpu() - before;
    };
    const figures: Figure[] = [];
    for (const kind of kinds) {
      const base: number[] = [];
      const more = new Map<Side, number[]>(others.map((side) => [side, []]));
      for (let round = 0; round <= rounds; round++) {
        // Sums: in most slices no call is sampled, so that a median of slices would not see what sampled calls cost.
        const spent = new Map(sides.map((side) => [side, { micros: 0, calls: 0 }]));
        for (let slice = 0; slice < slicesPerRound; slice++)
          for (const side of shuffled(sides)) {
            if (side === 'all sampled' && slice % turnsOfAll !== 0) continue;
            const own = spent.get(side)!;
            own.micros += await costOf(kind, side, slice);
            own.calls += calls[kind];
          }
        const perCall = (side: Side): number => spent.get(side)!.micros / spent.get(side)!.calls;
        // The first round warms all sides.
        if (round === 0) continue;
        base.push(perCall('untraced'));
        for (const side of others) more.get(side)!.push((perCall(side) / perCall('untraced') - 1) * 100);
      }
      figures.push({ name: `${kind}, untraced, CPU of client and server`, ...ofRounds(base), unit: 'µs/call' });
      for (const [side, samples] of more)
        figures.push({
          name: `${kind}, more if ${side}`,
          ...ofRounds(samples),
          unit: '%',
          ...(side === '1 % sampled' ? { target: { atMost: 3 } } : {}),
        });
    }
    await Promise.all(clients.map((client) => client.close()));
    return figures;
  },
};

const work: Record<Kind, (graph: Graph, ids: BigInt64Array, index: number) => Promise<unknown>> = {
  reads: (graph, ids, i) => graph.from(ids[(i * 7919) % ids.length]!).edgePage({ count: 10 }),
  writes: (graph, ids, i) => graph.batch((batch) => batch.add(ids[i % ids.length]!, 1_000_000 + i)),
};

const random = seededRandom(seedOf(20));

/** In another order each time: a side leaves garbage and warm code to the next. */
const shuffled = <T>(values: readonly T[]): readonly T[] =>
  values
    .map((value) => ({ value, place: random(1_000_000) }))
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value);

/** OpenTelemetry with an SDK of its own, which keeps a share of the traces, and all metrics, and sends them nowhere. */
function tracingOf(share: number | undefined): { readonly openTelemetry?: OpenTelemetry } {
  if (share === undefined) return {};
  const provider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new BatchSpanProcessor({ export: (_spans, done) => done({ code: 0 }), shutdown: () => Promise.resolve() }),
    ],
  });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const metrics = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  const { ROOT_CONTEXT, context, diag, trace } = openTelemetry;
  return {
    openTelemetry: {
      ROOT_CONTEXT,
      context,
      diag,
      metrics,
      trace: {
        getTracer: (name) => provider.getTracer(name),
        setSpanContext: (within, span) => trace.setSpanContext(within, span),
      },
    },
  };
}
