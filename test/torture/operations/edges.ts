import type { Graph } from '../../../sdk/index.js';
import { absent, type Change } from '../history.js';
import type { Load, LoadClient } from '../load.js';
import type { Operation } from './operation.js';

const verbs = ['add', 'add', 'add', 'negate', 'archive', 'remove'] as const;
type Verb = (typeof verbs)[number];

export const edgeValue = (edge: { readonly state: string; readonly position: bigint } | undefined): string =>
  edge === undefined
    ? absent
    : edge.state === 'normal' || edge.state === 'negative'
      ? `${edge.state}@${edge.position}`
      : edge.state;

export const isNormal = (value: string): boolean => value.startsWith('normal');

/** A node that was never colored is as one whose color is normal again. */
export const nodeValue = (node: { readonly color: string } | undefined): string =>
  node === undefined || node.color === 'normal' ? absent : node.color;

export const edgeRegister = (source: bigint, destination: bigint): string => `edge ${source} ${destination}`;

export const followsOf = (client: LoadClient): Promise<Graph> => client.roost.graph('follows');

const changeOf = (source: bigint, destination: bigint, verb: Verb, position: bigint): Change => ({
  register: edgeRegister(source, destination),
  value: { add: `normal@${position}`, negate: `negative@${position}`, archive: 'archived', remove: 'removed' }[verb],
});

const isPlaced = (verb: Verb): verb is 'add' | 'negate' => verb === 'add' || verb === 'negate';

export async function changeEdge(
  load: Load,
  client: LoadClient,
  source: bigint,
  destination: bigint,
  verb: Verb,
): Promise<void> {
  const position = BigInt(load.nextNumber());
  await load.write(client, [changeOf(source, destination, verb, position)], async (options) =>
    (await followsOf(client))[verb](source, destination, isPlaced(verb) ? { ...options, position } : options),
  );
}

const readEdge = (load: Load, client: LoadClient, source: bigint, destination: bigint): Promise<void> =>
  load.read(client, async () => [
    {
      register: edgeRegister(source, destination),
      value: edgeValue(await (await followsOf(client)).get(source, destination)),
    },
  ]);

async function writeEdge(load: Load, client: LoadClient): Promise<void> {
  const suspended = load.ids.suspended();
  const source = load.one([...load.ids.sources(), ...suspended]);
  const destination = load.one(load.ids.destinations());
  // A suspended node's edges show the states behind its color only at the end. Such edges use only add and remove,
  // the two operations that the color does not mix with.
  const verb = suspended.includes(source) ? load.one(['add', 'add', 'remove'] as const) : load.one(verbs);
  await changeEdge(load, client, source, destination, verb);
  if (load.random(2) === 0 && !suspended.includes(source)) await readEdge(load, client, source, destination);
}

/** Several edges of a node in one call. */
async function writeBatch(load: Load, client: LoadClient): Promise<void> {
  const source = load.one(load.ids.sources());
  const made = load.ids.destinations().flatMap((destination) => {
    if (load.random(2) === 0) return [];
    return { destination, verb: load.one(verbs), position: BigInt(load.nextNumber()) };
  });
  if (made.length === 0) return;
  await load.write(
    client,
    made.map(({ destination, verb, position }) => changeOf(source, destination, verb, position)),
    async (options) =>
      (await followsOf(client)).batch((batch) => {
        for (const { destination, verb, position } of made)
          if (isPlaced(verb)) batch[verb](source, destination, { position });
          else batch[verb](source, destination);
      }, options),
  );
}

/** Membership of all pairs of a source, or all its edges as its list has them. */
async function readSource(load: Load, client: LoadClient): Promise<void> {
  const source = load.one(load.ids.sources());
  const destinations = load.ids.destinations();
  const registers = destinations.map((destination) => edgeRegister(source, destination));
  if (load.random(2) === 0)
    return load.read(client, async () => {
      const pairs = destinations.map((destination) => [source, destination] as const);
      const there = await (await followsOf(client)).containsMany(pairs, { states: ['normal'] });
      return registers.map((register, i) => presence(register, there[i]!));
    });
  return load.read(client, async () => {
    const edges = await (await followsOf(client)).from(source).newest(100);
    return registers.map((register, i) => {
      const edge = edges.find(({ destinationId }) => destinationId === destinations[i]);
      return edge === undefined ? presence(register, false) : { register, value: edgeValue(edge) };
    });
  });
}

const presence = (register: string, there: boolean) => ({
  register,
  value: there ? 'a normal edge' : 'no normal edge',
  matches: (value: string): boolean => isNormal(value) === there,
});

export const edges: Operation = {
  weight: 45,
  step(load, client) {
    const drawn = load.random(10);
    if (drawn < 4) return writeEdge(load, client);
    if (drawn < 5) return writeBatch(load, client);
    if (drawn < 7) return readSource(load, client);
    return readEdge(load, client, load.one(load.ids.sources()), load.one(load.ids.destinations()));
  },
};

async function removeAll(load: Load, client: LoadClient): Promise<void> {
  const source = load.one(load.ids.sources());
  const changes = load.ids
    .destinations()
    .map((destination) => ({ register: edgeRegister(source, destination), value: 'removed' }));
  await load.write(
    client,
    changes,
    async (options) => (await followsOf(client)).removeAll(source, { direction: 'forward', ...options }),
    true,
  );
}

async function suspend(load: Load, client: LoadClient): Promise<void> {
  const id = load.one(load.ids.suspended());
  const register = `node ${id}`;
  if (load.random(2) === 0)
    return load.read(client, async () => [{ register, value: nodeValue(await (await followsOf(client)).node(id)) }]);
  const back = load.random(2) === 0;
  await load.write(client, [{ register, value: back ? absent : 'archived' }], async (options) =>
    (await followsOf(client))[back ? 'addAll' : 'archiveAll'](id, { direction: 'forward', ...options }),
  );
}

export const massOperations: Operation = {
  weight: 6,
  step: (load, client) => (load.random(2) === 0 ? removeAll(load, client) : suspend(load, client)),
};
