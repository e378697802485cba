import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../core/index.js';
import { edgeStates, type EdgeState } from '../../flock/index.js';
import type { Roost } from '../../sdk/index.js';
import { explainRead } from './checkRegister.js';
import { absent, type Write } from './history.js';
import { untilQuiet } from './untilQuiet.js';
import { edgeRegister, edgeValue, type Load, type LoadClient, nodeValue } from './load.js';

/** A timeline that is being rebuilt, or taken up again where it was emptied, is whole within. */
const rebuiltWithinMs = 20_000;
/** Replicas take turns in answering. */
const looks = 4;

type Values = ReadonlyMap<string, string>;

/** Holds what a quiet cluster shows to each client against the history. Returns what cannot be. */
export async function finalCheck(
  clients: readonly LoadClient[],
  load: Load,
  mustSee: (write: Write) => boolean,
): Promise<string[]> {
  const wrong: string[] = [];
  const ofEach = async (look: (roost: Roost) => Promise<string[]>): Promise<void> => {
    for (const { name, roost } of clients) {
      try {
        wrong.push(...(await look(roost)).map((text) => `${name}: ${text}`));
      } catch (error) {
        wrong.push(`${name}: the last reads failed: ${String(error)}`);
      }
    }
  };
  await ofEach(async (roost) => wrongValues(await readAll(roost, load), load, mustSee));
  await showSuspended(clients[0]!.roost, load);
  // The other ends of the edges follow.
  wrong.push(...(await untilQuiet(clients[0]!.roost)));
  await ofEach(async (roost) => {
    const values = await readAll(roost, load);
    const edges = new Map([...values].filter(([register]) => register.startsWith('edge ')));
    return [
      ...wrongValues(edges, load, mustSee),
      ...(await checkEnds(roost, load)),
      ...(await checkTimelines(roost, load, values)),
      ...(await checkHomes(roost, load, values)),
    ];
  });
  return [...wrong, ...checkIds(load)];
}

const wrongValues = (values: Values, load: Load, mustSee: (write: Write) => boolean): string[] =>
  [...values].flatMap(([register, value]) => {
    const read = { register, value, client: 'last', invokedMs: Infinity, answeredMs: Infinity };
    const reason = explainRead(read, load.history.of(register), mustSee);
    return reason === undefined ? [] : [`in the end ${register} ${reason}`];
  });

const without = (some: readonly bigint[], others: readonly bigint[]): string =>
  some.filter((id) => !others.includes(id)).join();

/** The registers, but for edges whose node is hidden: those show themselves when it is back. */
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
  load.ids.users().forEach((id, i) => values.set(`user ${id}`, users[i]?.name ?? absent));
  const ids = [...load.tweets.keys()];
  const tweets = await reader.tweets.getMany(ids);
  ids.forEach((id, i) => values.set(`tweet ${id}`, tweets[i]?.text ?? absent));
  return values;
}

/** Makes the edges of hidden nodes visible. They show it when the journal is quiet. */
async function showSuspended(reader: Roost, load: Load): Promise<void> {
  const follows = await reader.graph('follows');
  for (const id of load.ids.suspended())
    await follows.addAll(id, { direction: 'forward', acknowledgment: 'materialized' });
}

/** Counts and lists of both ends agree with the edges one by one. */
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

const newestFirst = (a: bigint, b: bigint): number => (a < b ? 1 : -1);

const tweetsOf = (load: Load, authors: readonly bigint[], values: Values): bigint[] =>
  [...load.tweets]
    .filter(([id, tweet]) => authors.includes(tweet.author) && values.get(`tweet ${id}`) !== absent)
    .map(([id]) => id)
    .sort(newestFirst);

async function checkTimelines(reader: Roost, load: Load, values: Values): Promise<string[]> {
  const wrong: string[] = [];
  for (const author of load.ids.authors()) {
    const wanted = tweetsOf(load, [author], values);
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

/** A home timeline is the merge of those of whom it follows. */
async function checkHomes(roost: Roost, load: Load, values: Values): Promise<string[]> {
  const wrong: string[] = [];
  // The entry of a tweet that was deleted and brought back may be missing until its timeline is rebuilt, as decision 0080 says.
  const mayLack = new Set(
    [...load.tweets.keys()].filter((id) => load.history.of(`tweet ${id}`).some(({ value }) => value === absent)),
  );
  for (const reader of load.ids.readers()) {
    const authors = load.ids
      .authors()
      .filter((author) => values.get(edgeRegister(reader, author))?.startsWith('normal@'));
    const wanted = tweetsOf(load, authors, values);
    const must = wanted.filter((id) => !mayLack.has(id));
    const deadline = Deadline.after(rebuiltWithinMs);
    for (let look = 0; look < looks;) {
      const page = await roost.timelines.home(reader, { count: 1_000 });
      const ids = [...page.ids];
      const extra = without(ids, wanted);
      const missing = without(must, ids);
      if (page.partial && !deadline.passed) await sleep(100);
      else {
        look++;
        if (extra !== '' || missing !== '' || page.partial) {
          wrong.push(
            `the home timeline of ${reader}, who follows ${authors.join()}, has, of others: ${extra}, and lacks ${missing}${page.partial ? ', and is partial' : ''}`,
          );
          break;
        }
      }
    }
  }
  return wrong;
}

function checkIds(load: Load): string[] {
  const seen = new Set<bigint>();
  return load.madeIds.flatMap((id) => (seen.has(id) || !seen.add(id) ? [`the id ${id} was given out twice`] : []));
}
