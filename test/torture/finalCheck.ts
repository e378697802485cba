import { Deadline } from '../../core/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { edgeStates, type EdgeState } from '../../flock/index.js';
import { silentLog } from '../../process/index.js';
import type { Roost } from '../../sdk/index.js';
import { explainRead } from './checkRegister.js';
import type { TortureCluster } from './cluster.js';
import { absent, type Write } from './history.js';
import { edgeValue, type Load } from './load.js';

/** Holds what a quiet cluster shows against the history. Returns what cannot be. */
export async function finalCheck(
  cluster: TortureCluster,
  reader: Roost,
  load: Load,
  mustSee: (write: Write) => boolean,
): Promise<string[]> {
  const wrong: string[] = [];
  const values = await readAll(reader, load);
  for (const [register, value] of values) {
    const read = { register, value, client: 'last', invokedMs: Infinity, answeredMs: Infinity };
    const reason = explainRead(read, load.history.of(register), mustSee);
    if (reason !== undefined) wrong.push(`in the end ${register} ${reason}`);
  }
  return [
    ...wrong,
    ...(await checkEnds(reader, load)),
    ...(await checkTimelines(reader, load, values)),
    ...checkIds(load),
    ...(await differingReplicas(cluster)),
  ];
}

const without = (some: readonly bigint[], others: readonly bigint[]): string =>
  some.filter((id) => !others.includes(id)).join();

async function readAll(reader: Roost, load: Load): Promise<Map<string, string>> {
  const follows = await reader.graph('follows');
  const pairs = load.ids
    .sources()
    .flatMap((source) => load.ids.destinations().map((destination) => [source, destination] as const));
  const values = new Map<string, string>();
  const edges = await follows.edgesOfMany(pairs);
  pairs.forEach(([source, destination], i) => values.set(`edge ${source} ${destination}`, edgeValue(edges[i])));
  const users = await reader.users.getMany(load.ids.users());
  load.ids.users().forEach((id, i) => values.set(`user ${id}`, users[i]?.name ?? absent));
  const ids = [...load.tweets.keys()];
  const tweets = await reader.tweets.getMany(ids);
  ids.forEach((id, i) => values.set(`tweet ${id}`, tweets[i]?.text ?? absent));
  return values;
}

/** Counts and lists of both ends agree with the edges one by one. */
async function checkEnds(reader: Roost, load: Load): Promise<string[]> {
  const wrong: string[] = [];
  const follows = await reader.graph('follows');
  const [sources, destinations] = [load.ids.sources(), load.ids.destinations()];
  const pairs = sources.flatMap((source) => destinations.map((destination) => [source, destination] as const));
  const edges = await follows.edgesOfMany(pairs);
  for (const [direction, nodes] of [
    ['forward', sources],
    ['backward', destinations],
  ] as const) {
    for (const node of nodes) {
      const others = (state: EdgeState): bigint[] =>
        pairs.flatMap(([source, destination], i) =>
          (direction === 'forward' ? source : destination) === node && edges[i]?.state === state
            ? [direction === 'forward' ? destination : source]
            : [],
        );
      const counts = await follows.counts(node, { direction });
      for (const state of edgeStates) {
        const wanted = others(state).sort();
        const set = direction === 'forward' ? follows.from(node) : follows.to(node);
        const listed = (await set.in(state).ids(100)).sort();
        const direct = await set.in(state).count({ exact: true });
        if (String(listed) !== String(wanted))
          wrong.push(`${direction} ${state} list of ${node} is ${String(listed)}, and its edges are ${String(wanted)}`);
        if (counts[state] !== BigInt(wanted.length) || direct !== counts[state])
          wrong.push(`${direction} ${state} count of ${node} is ${counts[state]}, and it has ${wanted.length}`);
      }
    }
  }
  return wrong;
}

async function checkTimelines(reader: Roost, load: Load, values: ReadonlyMap<string, string>): Promise<string[]> {
  const wrong: string[] = [];
  for (const author of load.ids.authors()) {
    const own = [...load.tweets]
      .filter(([id, tweet]) => tweet.author === author && values.get(`tweet ${id}`) !== absent)
      .map(([id]) => id);
    const wanted = own.sort((a, b) => (a < b ? 1 : -1));
    const listed = await reader.tweets.timelineIds(author, { count: 800 });
    if (String(listed) !== String(wanted))
      wrong.push(
        `the timeline of ${author} has, of others: ${without(listed, wanted)}, and lacks ${without(wanted, listed)}`,
      );
    const scanned = (await reader.tweets.scan(author, { count: 800 })).tweets.map(({ id }) => id);
    if (String(scanned) !== String(wanted))
      wrong.push(`the scan of ${author} differs: ${without(scanned, wanted)} / ${without(wanted, scanned)}`);
  }
  return wrong;
}

function checkIds(load: Load): string[] {
  const seen = new Set<bigint>();
  return load.madeIds.flatMap((id) => (seen.has(id) || !seen.add(id) ? [`the id ${id} was given out twice`] : []));
}

/** Every table that several leaves of a route hold is the same on each. */
export async function differingReplicas(cluster: TortureCluster): Promise<string[]> {
  const { gizzard } = cluster.tools.flock;
  await gizzard.nameServer.reload();
  const { topology } = gizzard;
  const hosts = new DatabaseHosts(cluster.config, silentLog);
  const wrong: string[] = [];
  try {
    const tablesOf = new Map<string, string[]>();
    for (const name of Object.keys(cluster.config.databaseHosts)) {
      const rows = await hosts
        .host(name)
        .rows(
          'SELECT table_name FROM information_schema.tables WHERE table_schema = ?',
          [cluster.config.cluster],
          Deadline.after(10_000),
        );
      tablesOf.set(
        name,
        rows.map(([table]) => String(table)),
      );
    }
    for (const { tableId } of topology.tables) {
      for (const route of topology.routes(tableId)) {
        const copies = await Promise.all(
          route.leaves.map(async ({ shard: { id } }) => {
            const own = (tablesOf.get(id.hostname) ?? [])
              .filter((table) => table.startsWith(`${id.tablePrefix}_`))
              .sort();
            const contents = new Map<string, string[]>();
            for (const table of own) {
              const rows = await hosts
                .host(id.hostname)
                .rows(`SELECT * FROM \`${cluster.config.cluster}\`.\`${table}\``, [], Deadline.after(10_000));
              contents.set(table.slice(id.tablePrefix.length), rows.map(String).sort());
            }
            return { id, contents };
          }),
        );
        const [first, ...others] = copies;
        for (const other of others) {
          for (const suffix of new Set([...first!.contents.keys(), ...other.contents.keys()])) {
            const [a = ['no such table'], b = ['no such table']] = [
              first!.contents.get(suffix),
              other.contents.get(suffix),
            ];
            if (a.join('\n') === b.join('\n')) continue;
            const only = (some: string[], rest: string[]): string =>
              some
                .filter((row) => !rest.includes(row))
                .slice(0, 4)
                .join(' | ');
            wrong.push(
              `${first!.id.hostname} and ${other.id.hostname} differ in ${first!.id.tablePrefix}${suffix}: <${only(a, b)}> <${only(b, a)}>`,
            );
          }
        }
      }
    }
  } finally {
    await hosts.close();
  }
  return wrong;
}
