import { Deadline, RoostError } from '../../core/index.js';
import { toStoredJson } from '../moving/storedJson.js';
import { compareContents, type ComparedContents, type Contents } from '../nameServer/contents.js';
import type { NameServer } from '../nameServer/nameServer.js';
import { sameHead, type Head } from '../nameServer/nameServerStep.js';
import { isBehind, newestOf, type Look } from '../nameServer/replicas.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { Control } from './control.js';

const readDeadlineMs = 60_000;

/** One replica of the name server's database compared with the others. */
export interface ReplicaHealth {
  readonly host: string;
  /** Whether it decides on changes, according to the replicas. */
  readonly primary: boolean;
  /** Versions of the topology and of the control tables; undefined if it does not answer. */
  readonly version: number | undefined;
  readonly controlVersion: number | undefined;
  /** `differs`: it has the same changes as the others, and different content. */
  readonly state: 'current' | 'behind' | 'differs' | 'does not answer';
  /** What it holds that others lack, or lacks that others hold. */
  readonly differences: readonly string[];
  readonly error: string | undefined;
}

/** Compares the replicas of the name server's database by their changes and their content, and makes them equal. */
export class ReplicasHealth {
  constructor(
    private readonly nameServer: NameServer,
    private readonly control: Control,
  ) {}

  async examine(): Promise<ReplicaHealth[]> {
    const [looks, controlLooks] = await Promise.all([this.nameServer.replicas.look(), this.control.look()]);
    const [newest, controlNewest] = [newestOf(looks).head, newestOf(controlLooks).head];
    const { topology, control } = await this.#compare(looks, controlLooks);
    const states = controlLooks.flatMap(({ state }) => state ?? []);
    const noted = states.reduce<(typeof states)[number] | undefined>(
      (best, state) => (best === undefined || state.topologyVersion > best.topologyVersion ? state : best),
      undefined,
    )?.primary;
    return looks.map((look, i) => {
      const host = look.store.host.name;
      const controlLook = controlLooks[i]!;
      const differences = [...(topology.differences.get(host) ?? []), ...(control.differences.get(host) ?? [])];
      const answers = look.head !== undefined && controlLook.head !== undefined;
      const behind = isBehind(look, newest) || isBehind(controlLook, controlNewest);
      return {
        host,
        primary: host === (noted ?? looks[0]!.store.host.name),
        version: look.head?.version,
        controlVersion: controlLook.head?.version,
        state: behind ? 'behind' : !answers ? 'does not answer' : differences.length > 0 ? 'differs' : 'current',
        differences,
        error: (look.error ?? controlLook.error)?.message,
      };
    });
  }

  /**
   * Makes every answering replica equal: those behind to the newest, those that differ to the majority, or to `from`.
   * Returns the hosts that it changed. Throws `FailedPrecondition` if replicas with the same changes differ and there
   * is no majority.
   */
  async repair(from?: string, by?: string): Promise<string[]> {
    const { replicas } = this.nameServer;
    if (from !== undefined && !replicas.stores.some(({ host }) => host.name === from))
      throw new RoostError(
        'NotFound',
        `${from} is no host of the name server: there are ${replicas.stores.map(({ host }) => host.name).join(', ')}`,
      );
    const repaired = new Set([...(await replicas.repair()), ...(await this.control.repair())]);
    const { topology, control } = await this.#compare(await replicas.look(), await this.control.look());
    const sources = { topology: sourceOf(topology, from), control: sourceOf(control, from) };
    const deadline = (): Deadline => Deadline.after(readDeadlineMs);
    const differing = (compared: ComparedContents, source: string): string[] =>
      [compared.reference, ...compared.differences.keys()].filter(
        (host) => host !== source && compared.differences.size > 0,
      );
    for (const host of differing(topology, sources.topology)) {
      await storeOf(replicas.stores, host).overwrite(storeOf(replicas.stores, sources.topology), deadline(), true);
      repaired.add(host);
    }
    for (const host of differing(control, sources.control)) {
      await storeOf(this.control.stores, host).overwrite(
        storeOf(this.control.stores, sources.control),
        deadline(),
        true,
      );
      repaired.add(host);
    }
    // Servers may have loaded wrong content: a new version makes them reload it.
    if (topology.differences.size > 0) await this.nameServer.apply([], by);
    return replicas.stores.map(({ host }) => host.name).filter((host) => repaired.has(host));
  }

  async #compare(
    looks: Awaited<ReturnType<NameServer['replicas']['look']>>,
    controlLooks: Awaited<ReturnType<Control['look']>>,
  ): Promise<{ readonly topology: ComparedContents; readonly control: ComparedContents }> {
    const topology = await contentsOf(looks, async (store) => {
      const { head, state, logs, spent, primary } = await store.content(Deadline.after(readDeadlineMs));
      const { version: _, ...rows } = state;
      return {
        head,
        contents: new Map(
          [...Object.entries({ ...rows, logs, spentNames: spent, primary: [primary] })].map(([table, all]) => [
            table,
            new Set((all as readonly unknown[]).map(toStoredJson)),
          ]),
        ),
      };
    });
    const control = await contentsOf(controlLooks, async (store) => {
      const { head, rows } = await store.compared(Deadline.after(readDeadlineMs));
      return {
        head,
        contents: new Map(
          [...rows].map(([table, all]) => [table, new Set([...all].map(([key, row]) => `${key} ${row}`))]),
        ),
      };
    });
    return { topology, control };
  }
}

/** Only of replicas with the newest head; the others differ because they are behind. */
async function contentsOf<S extends { readonly host: DatabaseHost }>(
  looks: readonly Look<S>[],
  read: (store: S) => Promise<{ readonly head: Head; readonly contents: Contents }>,
): Promise<ComparedContents> {
  const newest = newestOf(looks).head;
  const contents = new Map<string, Contents>();
  for (const { store, head } of looks) {
    if (head === undefined || !sameHead(head, newest)) continue;
    const { head: then, contents: found } = await read(store);
    // It has moved on since it was looked at.
    if (sameHead(then, newest)) contents.set(store.host.name, found);
  }
  return contents.size === 0
    ? { reference: newestOf(looks).store.host.name, agreed: true, differences: new Map() }
    : compareContents(contents);
}

function sourceOf({ reference, agreed, differences }: ComparedContents, from: string | undefined): string {
  if (differences.size === 0) return reference;
  if (from !== undefined) return from;
  if (agreed) return reference;
  const how = [...differences].map(([host, differ]) => `${host} has ${differ.join('; ')}`).join('; ');
  throw new RoostError(
    'FailedPrecondition',
    `compared with ${reference}, ${how}: as many replicas hold one as the other; \`roost nameserver repair --from HOST\` says which is right`,
    { fields: { host: reference } },
  );
}

const storeOf = <S extends { readonly host: DatabaseHost }>(stores: readonly S[], name: string): S =>
  stores.find(({ host }) => host.name === name)!;
