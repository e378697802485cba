import type { Load, LoadClient } from '../load.js';
import { changeEdge } from './edges.js';
import type { Operation } from './operation.js';

const follow = (load: Load, client: LoadClient): Promise<void> =>
  changeEdge(
    load,
    client,
    load.one(load.ids.readers()),
    load.one(load.ids.authors()),
    load.one(['add', 'add', 'remove'] as const),
  );

/**
 * While others write, only two facts about a timeline are known: its order, and that each of its tweets was written.
 */
async function readTimeline(load: Load, client: LoadClient): Promise<void> {
  const kind = load.one(['home', 'home', 'user', 'mentions'] as const);
  const user = load.one(kind === 'user' ? load.ids.authors() : load.ids.readers());
  const [{ ids }] = await load.ask(client, () => client.roost.timelines[kind](user, { count: 50 }));
  for (const [i, id] of ids.entries()) {
    if (!load.tweets.has(id)) load.oddErrors.push(`timeline ${kind} of ${user} has ${id}, which nobody wrote`);
    if (i > 0 && ids[i - 1]! <= id) load.oddErrors.push(`timeline ${kind} of ${user} has ${id} out of order`);
  }
}

export const timelines: Operation = {
  weight: 10,
  step: (load, client) => (load.random(2) === 0 ? follow(load, client) : readTimeline(load, client)),
};
