import { edgeStates, type EdgeState } from '../../flock/index.js';
import type { Roost } from '../../sdk/index.js';
import { ListCheck, type Values } from './checkLists.js';
import { explainRead } from './checkRegister.js';
import { absent, type Write } from './history.js';
import type { Load, LoadClient } from './load.js';
import { edgeRegister, edgeValue, isNormal, nodeValue } from './operations/edges.js';
import { favoriteRegister, favoriteValue } from './operations/favorites.js';
import { tweetRegister } from './operations/tweets.js';
import { userValues } from './operations/users.js';
import { mayBeIn, queryOf, setText } from './sets.js';
import { untilQuiet } from './untilQuiet.js';

/** The number of the round's queries that are repeated when the cluster is quiet. */
const setsAtEnd = 12;

/**
 * Compares a quiet cluster with the history. Returns everything that is impossible. Each client reads all values.
 * Lists, counts and timelines take a thousand calls, so only one client, by turns, asks for them.
 */
export async function finalCheck(
  clients: readonly LoadClient[],
  load: Load,
  mustSee: (write: Write) => boolean,
  turn: number,
): Promise<string[]> {
  const wrong: string[] = [];
  const ofSome = async (some: readonly LoadClient[], look: (roost: Roost) => Promise<string[]>): Promise<void> => {
    for (const { name, roost } of some) {
      try {
        wrong.push(...(await look(roost)).map((text) => `${name}: ${text}`));
      } catch (error) {
        wrong.push(`${name}: the last reads failed: ${String(error)}`);
      }
    }
  };
  await ofSome(clients, async (roost) => wrongValues(await readAll(roost, load), load, mustSee));
  await showSuspended(clients[0]!.roost, load);
  // The other ends of the edges follow.
  wrong.push(...(await untilQuiet(clients[0]!.roost)));
  await ofSome([clients[turn % clients.length]!], async (roost) => {
    const values = await readAll(roost, load);
    const edges = new Map([...values].filter(([register]) => register.startsWith('edge ')));
    return [
      ...wrongValues(edges, load, mustSee),
      ...(await checkEnds(roost, load)),
      ...(await checkSets(roost, load, values)),
      ...(await new ListCheck(roost, load, values).run()),
    ];
  });
  return [...wrong, ...checkIds(load)];
}

const wrongValues = (values: Values, load: Load, mustSee: (write: Write) => boolean): string[] =>
  [...values].flatMap(([register, value]) => {
    const reason = explainRead(
      { value, invokedMs: Infinity, answeredMs: Infinity },
      load.history.of(register),
      mustSee,
    );
    return reason === undefined ? [] : [`in the end ${register} ${reason}`];
  });

/** Reads the registers, except those of edges whose node is hidden, which show themselves when the node is back. */
async function readAll(reader: Roost, load: Load): Promise<Map<string, string>> {
  const follows = await reader.graph('follows');
  const values = new Map<string, string>();
  const suspended = load.ids.suspended();
  const nodes = await follows.nodes(suspended);
  suspended.forEach((id, i) => values.set(`node ${id}`, nodeValue(nodes[i])));
  const hidden = (source: bigint): boolean => suspended.includes(source) && values.get(`node ${source}`) !== absent;
  const pairs = load.ids.pairs().filter(([source]) => !hidden(source));
  const edges = await follows.edgesOfMany(pairs);
  pairs.forEach((pair, i) => values.set(edgeRegister(...pair), edgeValue(edges[i])));
  const users = await reader.users.getMany(load.ids.users());
  load.ids
    .users()
    .forEach((id, i) => userValues(id, users[i]).forEach(({ register, value }) => values.set(register, value)));
  const ids = [...load.tweets.keys()];
  const tweets = await reader.tweets.getMany(ids);
  ids.forEach((id, i) => values.set(tweetRegister(id), tweets[i]?.text ?? absent));
  const marks = load.ids.fans().flatMap((fan) => ids.map((id) => [fan, id] as const));
  const favorites = await reader.graph('tweet_favorites');
  const marked = marks.length === 0 ? [] : await favorites.edgesOfMany(marks);
  marks.forEach((mark, i) => values.set(favoriteRegister(...mark), favoriteValue(marked[i])));
  return values;
}

/** Makes the edges of hidden nodes visible. The edges are shown when the journal is quiet. */
async function showSuspended(reader: Roost, load: Load): Promise<void> {
  const follows = await reader.graph('follows');
  for (const id of load.ids.suspended())
    await follows.addAll(id, { direction: 'forward', acknowledgment: 'materialized' });
}

/** Checks that counts and lists of both ends agree with the edges one by one. */
async function checkEnds(reader: Roost, load: Load): Promise<string[]> {
  const wrong: string[] = [];
  const follows = await reader.graph('follows');
  const pairs = load.ids.pairs();
  const edges = await follows.edgesOfMany(pairs);
  for (const direction of ['forward', 'backward'] as const) {
    const [mine, theirs] = direction === 'forward' ? ([0, 1] as const) : ([1, 0] as const);
    const nodes = [...new Set(pairs.map((pair) => pair[mine]))];
    const counts = await follows.countsOfMany(nodes, { direction });
    await Promise.all(
      nodes.flatMap((node, n) =>
        edgeStates.map(async (state: EdgeState) => {
          const wanted = pairs.flatMap((pair, i) =>
            pair[mine] === node && edges[i]?.state === state ? [pair[theirs]] : [],
          );
          const set = direction === 'forward' ? follows.from(node) : follows.to(node);
          const listed = await set.in(state).ids(100);
          const direct = await set.in(state).count({ exact: true });
          if (String(listed.sort()) !== String(wanted.sort()))
            wrong.push(`${direction} ${state} list of ${node} is ${listed.join()}, and its edges are ${wanted.join()}`);
          const counted = counts[n]![state];
          if (counted !== BigInt(wanted.length) || direct !== counted)
            wrong.push(`${direction} ${state} count of ${node} is ${counted}, and it has ${wanted.length}`);
        }),
      ),
    );
  }
  return wrong;
}

/** Checks that combined sets agree with the edges one by one. */
async function checkSets(reader: Roost, load: Load, values: Values): Promise<string[]> {
  const follows = await reader.graph('follows');
  const wrong: string[] = [];
  for (const { set, among } of load.history.setReads.slice(-setsAtEnd)) {
    const ids = await queryOf(follows, set).ids(100);
    const wanted = among.filter((id) =>
      mayBeIn(set, id, true, (source, destination, normal) => {
        return isNormal(values.get(edgeRegister(source, destination))!) === normal;
      }),
    );
    const found = ids.filter((id) => among.includes(id));
    if (String(found.sort()) !== String(wanted.sort()))
      wrong.push(`${setText(set)} is ${found.join()} in the end, and by its edges ${wanted.join()}`);
  }
  return wrong;
}

function checkIds(load: Load): string[] {
  const seen = new Set<bigint>();
  return load.madeIds.flatMap((id) => (seen.has(id) || !seen.add(id) ? [`the id ${id} was given out twice`] : []));
}
