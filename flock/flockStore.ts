import { cachedKind, defineStore, openCluster, type OpenClusterOptions, type Store } from '../cluster/index.js';
import { limits, parseId, RoostError } from '../core/index.js';
import type { RoostConfig } from '../process/index.js';
import { checkGraphs } from './check/checkGraphs.js';
import { graphsOf } from './graphs.js';
import { EdgeCaches } from './cached/edgeCaches.js';
import { edgeKey, nodeKey, parseEdgeKey, parseNodeKey } from './cached/edgeKeys.js';
import { Flock } from './flock.js';
import { flockConfig } from './flockConfig.js';
import { edgeJob } from './jobs/edgeJob.js';
import { nodeJob } from './jobs/nodeJob.js';
import { recountJob } from './jobs/recountJob.js';
import { rowJob } from './jobs/rowJob.js';
import { sweepJob } from './jobs/sweepJob.js';
import { flockProcessor } from './service/flockProcessor.js';
import { flockRoles } from './service/flockRoles.js';
import { injectedFlockdb } from './service/injectedFlockdb.js';
import { tablesAlone } from './storage/edgeWriter.js';
import { FlockTables } from './storage/flockTables.js';
import { flockShardType } from './storage/flockShardType.js';

/** The social graph, as a store. */
export const flockStore: Store<'flock', Flock, readonly []> = defineStore({
  name: 'flock',
  config: flockConfig,
  open: ({ gizzard, caches, close }) =>
    new Flock(gizzard, { caches: caches.main && new EdgeCaches(caches.main, caches, gizzard), close }),
  shardTypes: ({ options: { caches } }, { gizzard }) => [
    flockShardType(new FlockTables(gizzard.database), caches?.moving),
  ],
  jobTypes: (flock, { gizzard }) => {
    const tables = new FlockTables(gizzard.database);
    const writer = flock.options.caches ?? tablesAlone;
    return [
      edgeJob(tables, writer, (applied) => flock.followUpsOf(applied)),
      ...[rowJob, nodeJob, sweepJob, recountJob].map((job) => job(tables, writer)),
    ];
  },
  check: checkGraphs,
  service: {
    title: 'graphs',
    port: 7915,
    requestBytes: limits.flockRequestBytes,
    processor: flockProcessor,
    roles: flockRoles,
    graphName: (flock, id) => flock.graphs().find((graph) => graph.id === id)?.name,
    foreignJobs: injectedFlockdb,
    info: (flock) => ({ graphs: flock.graphs() }),
  },
  toolClasses: { SqlShard: 'flock' },
  words: { graph: (topology) => graphsOf(topology).map(({ name }) => name) },
  cached: {
    names: ['lists', 'edges'],
    about: 'Lists are the newest edges of nodes, and their keys the nodes; keys of edges are SOURCE:DESTINATION.',
    keyOptions: [
      { flags: '--graph <name>', description: 'with keys of lists and edges: their graph' },
      {
        flags: '--direction <direction>',
        description: 'forward: the ends of its edges; backward: where edges to it begin',
        choices: ['forward', 'backward'],
        default: 'forward',
      },
    ],
    of(flock, { graph, direction }) {
      const { caches } = flock.options;
      if (caches?.any !== true) return [];
      const names = new Map(flock.graphs().map(({ id, name }) => [id, name]));
      const graphId = (): number => {
        if (graph === undefined) throw new RoostError('InvalidArgument', 'keys of lists and edges need --graph');
        return flock.graph(graph).id;
      };
      return [
        cachedKind('lists', caches.newest, {
          parseKey: String,
          parseArgument: (text) => nodeKey(direction === 'backward' ? -graphId() : graphId(), parseId(text)),
          describe(key) {
            const { tableId, id } = parseNodeKey(key);
            return `${names.get(Math.abs(tableId))} ${tableId > 0 ? 'forward' : 'backward'} ${id}`;
          },
        }),
        cachedKind('edges', caches.edges, {
          parseKey: String,
          parseArgument(text) {
            const [source, destination, ...rest] = text.split(':');
            if (destination === undefined || rest.length > 0)
              throw new RoostError('InvalidArgument', `an edge is SOURCE:DESTINATION, not ${text}`);
            return edgeKey(graphId(), [parseId(source!), parseId(destination)]);
          },
          describe(key) {
            const { graphId: of, pair } = parseEdgeKey(key);
            return `${names.get(of)} ${pair.join(':')}`;
          },
        }),
      ];
    },
  },
});

/** Opens a cluster with the graphs alone. `close` closes the cluster. */
export const openFlock = async (config: RoostConfig, options?: OpenClusterOptions): Promise<Flock> =>
  (await openCluster(config, [flockStore], options)).stores.flock;
