import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../core/index.js';
import type { Roost } from '../../sdk/index.js';
import { seededRandom } from '../moving/seededRandom.js';
import { SlowProxy } from '../support/slowProxy.js';
import { explainRead, seenAtOnce } from './checkRegister.js';
import type { TortureCluster } from './cluster.js';
import { type Fault, faults } from './faults.js';
import { finalCheck } from './finalCheck.js';
import { History, type Write } from './history.js';
import { Load, RoundIds } from './load.js';

export interface RoundReport {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly notes: readonly string[];
  readonly violations: readonly string[];
  readonly writes: Readonly<Record<string, number>>;
  readonly reads: number;
  readonly errors: ReadonlyMap<string, number>;
  readonly history: History;
}

/** One fault, or two of different places, that overlap. */
export function drawFaults(seed: number): string[] {
  const random = seededRandom(seed * 7_919);
  const names = Object.keys(faults);
  const first = names[seed % names.length]!;
  if (random(2) === 0) return [first];
  const others = names.filter((name) => faults[name]!.place !== faults[first]!.place);
  return [first, others[random(others.length)]!];
}

/** What comes back within: a server that starts, a lease that runs out, jobs that failed. */
const healMs = 90_000;
const databases = /Db\d$/;
const journals = /Redis$|replica|flushAll|laggingFile/;

/** What graph.md excepts: reads may miss what lags on all replicas that answer, or whose lag a server without the journal cannot know. */
const readsMayBeStale = (names: readonly string[]): boolean =>
  names.filter((name) => databases.test(name)).length > 1 ||
  (names.some((name) => databases.test(name)) && names.some((name) => journals.test(name)));

export async function runRound(
  cluster: TortureCluster,
  seed: number,
  names: readonly string[] = drawFaults(seed),
): Promise<RoundReport> {
  const random = seededRandom(seed);
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const [first, second] = cluster.servers as [(typeof cluster.servers)[0], (typeof cluster.servers)[0]];
  const ways = {
    flock: await SlowProxy.open(first.ready.flock.port),
    tbird: await SlowProxy.open(first.ready.tbird.port),
    users: await SlowProxy.open(first.ready.users.port),
  };
  const clients = [
    { name: 'both', roost: await cluster.connectThrough(ways, [second]) },
    { name: 'first', roost: await cluster.connect([first]) },
    { name: 'second', roost: await cluster.connect([second]) },
  ];
  const history = new History();
  const load = new Load(clients, history, new RoundIds(BigInt(seed) * 100_000n), seededRandom(seed + 1));
  const violations: string[] = [];
  let lostMs: number | undefined;
  let adoptedMs = Infinity;
  const setting = {
    cluster,
    random,
    clientWays: Object.values(ways),
    note,
    lost: (sinceMs: number) => (lostMs = sinceMs),
  };
  const run = async (fault: Fault, name: string): Promise<void> => {
    const [least, most] = fault.lastsMs;
    const lastsMs = least + random(most - least + 1);
    note(`${name} at ${at()} for ${lastsMs} ms`);
    const end = await fault.begin(setting);
    await sleep(lastsMs);
    await end();
    note(`${name} ended at ${at()}`);
  };
  const begunMs = performance.now();
  const at = (): string => `${((performance.now() - begunMs) / 1_000).toFixed(1)} s`;

  load.start(4);
  await sleep(1_500 + random(1_000));
  await Promise.all(
    names.map(async (name, i) => {
      await sleep(i * random(3_000));
      await run(faults[name]!, name);
    }),
  );
  if (lostMs !== undefined) {
    await sleep(3_000);
    const { status } = await cluster.readiness(second);
    const adopted = await cluster.roost('journal', 'adopt', '--yes');
    adoptedMs = performance.now();
    note(`journal adopt: ${adopted.stdout.trim()}${adopted.stderr.trim()}`);
    if (adopted.exitCode !== 0) violations.push(`journal adopt: ${adopted.stderr}`);
    if (!adopted.stdout.includes('"adopted":true')) lostMs = undefined;
    else if (status === 200) violations.push('a server is ready although its journal lost writes');
  }
  await sleep(2_000);
  await load.stop();
  await untilServing(
    clients.map(({ roost }) => roost),
    violations,
  );
  await untilQuiet(clients[2]!.roost, violations);
  for (const server of cluster.servers) {
    const deadline = Deadline.after(30_000);
    let readiness = await cluster.readiness(server);
    while (readiness.status !== 200 && !deadline.passed) {
      await sleep(300);
      readiness = await cluster.readiness(server);
    }
    if (readiness.status !== 200) violations.push(`a server is not ready after all is over: ${readiness.text}`);
  }
  if (lostMs !== undefined) await repair(cluster, note, clients[2]!.roost, violations);

  const lost = lostMs;
  const mayBeLost = ({ acknowledgment, invokedMs, outcome }: Write): boolean =>
    lost !== undefined && invokedMs < adoptedMs && (acknowledgment === 'journaled' || outcome === 'journaled');
  const mustSeeInTheEnd = (write: Write): boolean =>
    (write.outcome === 'ok' || write.outcome === 'journaled') && !mayBeLost(write);
  if (lost !== undefined) {
    for (const write of history.writes) {
      if (
        write.outcome === 'ok' &&
        write.invokedMs > lost + 1 &&
        write.answeredMs < adoptedMs - 3_000 &&
        write.acknowledgment === 'journaled'
      )
        violations.push(
          `${write.register} = ${write.value} was accepted after the loss, at ${((write.invokedMs - begunMs) / 1_000).toFixed(2)} s, before the adoption`,
        );
    }
  }
  if (!readsMayBeStale(names)) {
    for (const read of history.reads) {
      const reason = explainRead(read, history.of(read.register), seenAtOnce(read));
      if (reason !== undefined)
        violations.push(
          `at ${((read.invokedMs - begunMs) / 1_000).toFixed(2)} s, ${read.client}: ${read.register} ${reason}`,
        );
    }
  }
  for (const { name, roost } of clients) {
    try {
      violations.push(...(await finalCheck(cluster, roost, load, mustSeeInTheEnd)).map((wrong) => `${name}: ${wrong}`));
    } catch (error) {
      violations.push(`${name}: the last reads failed: ${String(error)}`);
    }
  }
  violations.push(...load.oddErrors.map((error) => `not a RoostError: ${error}`));
  await Promise.all(clients.map(({ roost }) => roost.close()));
  await Promise.all(Object.values(ways).map((way) => way.close()));
  const writes: Record<string, number> = {};
  for (const { outcome } of history.writes) writes[outcome] = (writes[outcome] ?? 0) + 1;
  return {
    seed,
    faults: names,
    notes,
    violations: [...new Set(violations)],
    writes,
    reads: history.reads.length,
    errors: load.errors,
    history,
  };
}

/** Each client can write again. */
async function untilServing(clients: readonly Roost[], violations: string[]): Promise<void> {
  await Promise.all(
    clients.map(async (roost) => {
      const deadline = Deadline.after(healMs);
      for (;;) {
        try {
          const follows = await roost.graph('follows');
          await follows.add(1, 2, { acknowledgment: 'materialized' });
          await roost.users.put({ id: 1, name: 'one', screenName: 'one' });
          return;
        } catch (error) {
          if (deadline.passed) return void violations.push(`no write goes through when all is over: ${String(error)}`);
          await sleep(200);
        }
      }
    }),
  );
}

async function untilQuiet(roost: Roost, violations: string[]): Promise<void> {
  const deadline = Deadline.after(healMs);
  let left = 'the journal was never read';
  for (;;) {
    try {
      const { queued, failing, bad } = await roost.journal();
      left = JSON.stringify({ queued, failing, bad });
      if (queued.high + queued.medium + queued.low + failing + bad === 0) return;
    } catch (error) {
      left = String(error);
    }
    if (deadline.passed) return void violations.push(`the journal does not come to rest: ${left}`);
    await sleep(200);
  }
}

/** As docs/journal.md says after an adoption. */
async function repair(
  cluster: TortureCluster,
  note: (text: string) => void,
  roost: Roost,
  violations: string[],
): Promise<void> {
  const fixed = await cluster.roost('doctor', '--fix', '--yes');
  note(`doctor --fix: ${fixed.stdout.slice(0, 500)}${fixed.stderr.slice(0, 300)}`);
  await cluster.roost('cache', 'flush', '--yes');
  const deadline = Deadline.after(60_000);
  const { moves } = cluster.tools.flock.gizzard;
  while ((await moves.store.list({ active: true, limit: 10 })).length > 0 && !deadline.passed) await sleep(300);
  for (const args of [
    ['flock', 'check', 'follows', '--repair', '--settle', '500'],
    ['flock', 'check', 'tweets_by_user', '--repair', '--settle', '500'],
    ['tweets', 'check', '--repair'],
  ]) {
    const { exitCode, stdout, stderr } = await cluster.roost(...args);
    note(`${args.join(' ')}: ${exitCode} ${stdout.slice(0, 300)}${stderr.slice(0, 300)}`);
  }
  await untilQuiet(roost, violations);
}
