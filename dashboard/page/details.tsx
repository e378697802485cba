import type { ComponentChildren } from 'preact';
import { MigrationActions, QueueActions, ThrottleForm } from './actionLinks.js';
import { clockText, countText } from './format.js';
import { Mark, Section, Sentence, Table, type Tone } from './parts.js';

// The pages behind the first screen. They show one moment: loading them again shows the next.

export interface TablesView {
  readonly tables: readonly {
    readonly table: number;
    readonly name: string;
    readonly service: string;
    readonly hash: string;
    readonly forwardings: number;
    readonly covered: boolean;
  }[];
  /** The forwardings of one table, from one place of its hash space on; null where none was asked for. */
  readonly trees: {
    readonly table: number;
    readonly name: string;
    /** Where a key was found, or else ''. */
    readonly found: string;
    readonly list: readonly { readonly base: string; readonly tree: TreeView }[];
    /** The base that the next page begins at; '' behind the last. */
    readonly next: string;
  } | null;
}

export interface TreeView {
  readonly shard: string;
  readonly type: string;
  readonly weight: number;
  readonly busy: string;
  /** Of a leaf: what may be done with it; '' of an inner node. */
  readonly access: string;
  readonly children: readonly TreeView[];
}

const shardLink = (shard: string): string => `/shard?id=${encodeURIComponent(shard)}`;

export const Tree = ({ tree }: { readonly tree: TreeView }) => (
  <ul class="tree">
    <li>
      <a href={shardLink(tree.shard)}>{tree.shard}</a>{' '}
      <span class="quiet">
        {tree.type}
        {tree.weight === 1 ? '' : `, weight ${tree.weight}`}
        {tree.busy === 'normal' ? '' : `, ${tree.busy}`}
        {tree.access === '' ? '' : `, ${tree.access}`}
      </span>
      {tree.children.map((child) => (
        <Tree key={child.shard} tree={child} />
      ))}
    </li>
  </ul>
);

export const TablesPage = ({ view: { tables, trees } }: { readonly view: TablesView }) => (
  <>
    <Section id="tables" title="Tables">
      <Table
        label="Tables"
        empty="There is no table yet."
        columns={[
          { title: 'table' },
          { title: 'name' },
          { title: 'service' },
          { title: 'hash' },
          { title: 'trees', number: true },
          { title: 'hash space' },
        ]}
        rows={tables.map(({ table, name, service, hash, forwardings, covered }) => ({
          key: String(table),
          cells: [
            <a href={`/topology?table=${table}`}>{table}</a>,
            name,
            service,
            hash,
            countText(forwardings),
            covered ? <Mark tone="good">whole</Mark> : <Mark tone="bad">has a gap</Mark>,
          ],
        }))}
      />
    </Section>
    {trees !== null && (
      <Section id="trees" title={`Trees of ${trees.name} (${trees.table})`} note={trees.found}>
        <form method="get" action="/topology" class="search">
          <input type="hidden" name="table" value={trees.table} />
          <label for="key">Where a key lives</label>
          <input id="key" name="key" inputmode="numeric" required /> <button type="submit">Find</button>
        </form>
        <Table
          label="Trees"
          empty="Nothing is forwarded from here on."
          columns={[{ title: 'from hash', number: true }, { title: 'tree' }]}
          rows={trees.list.map(({ base, tree }) => ({ key: base, cells: [base, <Tree tree={tree} />] }))}
        />
        {trees.next !== '' && (
          <p>
            <a href={`/topology?table=${trees.table}&from=${trees.next}`}>Next trees</a>
          </p>
        )}
      </Section>
    )}
  </>
);

export interface ShardView {
  readonly shard: string;
  /** Names and values, in order. */
  readonly facts: readonly (readonly [string, string])[];
  readonly tree: TreeView;
  readonly parents: readonly string[];
  readonly forwardings: readonly { readonly table: number; readonly name: string; readonly base: string }[];
}

export const ShardPage = ({ view: { shard, facts, tree, parents, forwardings } }: { readonly view: ShardView }) => (
  <>
    <Section id="shard" title={shard}>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
    <Section id="below" title="Tree">
      {parents.map((parent) => (
        <p key={parent}>
          below <a href={shardLink(parent)}>{parent}</a>
        </p>
      ))}
      <Tree tree={tree} />
    </Section>
    <Section id="forwarded" title="Forwarded here">
      <Table
        label="Forwardings"
        empty="Nothing is forwarded to it itself."
        columns={[{ title: 'table' }, { title: 'name' }, { title: 'from hash', number: true }]}
        rows={forwardings.map(({ table, name, base }) => ({
          key: `${table} ${base}`,
          cells: [<a href={`/topology?table=${table}&from=${base}`}>{table}</a>, name, base],
        }))}
      />
    </Section>
  </>
);

export interface JobsView {
  readonly priority: string;
  readonly queue: string;
  readonly queues: readonly { readonly priority: string; readonly queue: string; readonly jobs: number }[];
  /** What can be done about the queues of that priority. */
  readonly steered: {
    readonly priority: string;
    readonly paused: boolean;
    readonly failing: number;
    readonly bad: number;
  };
  readonly jobs: readonly {
    readonly id: string;
    readonly kind: string;
    readonly acceptedAtMs: number;
    readonly attempts: number;
    readonly error: string;
    readonly contents: string;
  }[];
  /** Behind the last of these; '' where there are no more. */
  readonly next: string;
}

export const JobsPage = ({ view: { priority, queue, queues, steered, jobs, next } }: { readonly view: JobsView }) => (
  <>
    <Section id="queues" title="Queues">
      <Table
        label="Queues"
        empty="The journal holds no queue."
        columns={[{ title: 'priority' }, { title: 'queue' }, { title: 'jobs', number: true }]}
        rows={queues.map((each) => ({
          key: `${each.priority} ${each.queue}`,
          cells: [
            each.priority,
            <a
              href={`/jobs?priority=${each.priority}&queue=${each.queue}`}
              aria-current={each.priority === priority && each.queue === queue ? 'true' : undefined}
            >
              {each.queue}
            </a>,
            countText(each.jobs),
          ],
        }))}
      />
    </Section>
    <p>
      Jobs of {priority} priority: <QueueActions queue={steered} />
    </p>
    <Section id="jobs" title={`Oldest ${queue} jobs of ${priority} priority`}>
      <Table
        label="Jobs"
        empty="There is none."
        columns={[
          { title: 'job' },
          { title: 'kind' },
          { title: 'accepted' },
          { title: 'attempts', number: true },
          { title: 'last error' },
          { title: 'contents' },
        ]}
        rows={jobs.map(({ id, kind, acceptedAtMs, attempts, error, contents }) => ({
          key: id,
          cells: [
            id,
            kind,
            momentText(acceptedAtMs),
            countText(attempts),
            <span class="wrap">{error}</span>,
            <code class="wrap">{contents}</code>,
          ],
        }))}
      />
      {next !== '' && (
        <p>
          <a href={`/jobs?priority=${priority}&queue=${queue}&after=${encodeURIComponent(next)}`}>Next jobs</a>
        </p>
      )}
      {queue !== 'queued' && (
        <p class="quiet">
          <Sentence
            text={`\`roost job retry ${priority} --queue ${queue}\` tries them again, \`roost job discard ${priority} --queue ${queue}\` gives them up.`}
          />
        </p>
      )}
    </Section>
  </>
);

export interface MigrationsListView {
  /** The bounds on all copies. */
  readonly throttle: string;
  readonly list: readonly {
    readonly id: number;
    readonly title: string;
    readonly state: string;
    readonly createdAt: string;
    readonly error: string;
  }[];
  /** One of them, step by step; null where none was asked for. */
  readonly one: {
    readonly id: number;
    readonly title: string;
    readonly state: string;
    readonly error: string;
    readonly steps: readonly {
      readonly phase: string;
      readonly title: string;
      readonly state: string;
      readonly seen: string;
    }[];
    readonly moves: readonly { readonly id: number; readonly text: string }[];
  } | null;
}

const stepTones: Readonly<Record<string, Tone>> = { done: 'good', running: 'busy', undoing: 'busy', undone: 'quiet' };

export const MigrationsPage = ({ view: { list, one, throttle } }: { readonly view: MigrationsListView }) => (
  <>
    {one !== null && (
      <Section id="one" title={`Migration ${one.id}: ${one.state}`} note={one.title}>
        <p>
          <MigrationActions id={one.id} state={one.state} />
        </p>
        {one.error !== '' && (
          <p>
            <Mark tone="bad">error</Mark> {one.error}
          </p>
        )}
        <Table
          label="Steps"
          empty="It has no steps."
          columns={[{ title: 'phase' }, { title: 'step' }, { title: 'state' }, { title: 'seen' }]}
          rows={one.steps.map(({ phase, title, state, seen }, i) => ({
            key: String(i),
            cells: [
              phase,
              <span class="wrap">{title}</span>,
              <Mark tone={stepTones[state] ?? 'quiet'}>{state}</Mark>,
              <span class="wrap">{seen}</span>,
            ],
          }))}
        />
        <ul class="plain">
          {one.moves.map(({ id, text }) => (
            <li key={id}>{text}</li>
          ))}
        </ul>
      </Section>
    )}
    <Section id="throttle" title="Throttle" note={throttle}>
      <ThrottleForm />
    </Section>
    <Section id="migrations" title="Migrations" note="the newest first">
      <Table
        label="Migrations"
        empty="There was none yet."
        columns={[{ title: 'migration' }, { title: 'state' }, { title: 'begun' }, { title: 'error' }]}
        rows={list.map(({ id, title, state, createdAt, error }) => ({
          key: String(id),
          cells: [
            <span class="wrap">
              <a href={`/migrations?id=${id}`}>{id}</a> <span class="quiet">{title}</span>
            </span>,
            state,
            createdAt,
            <span class="wrap">{error}</span>,
          ],
        }))}
      />
    </Section>
  </>
);

export interface ChangesView {
  readonly list: readonly {
    readonly version: number;
    readonly atMs: number;
    readonly by: string;
    readonly text: string;
  }[];
  /** The version below which the next page begins; 0 behind the last. */
  readonly next: number;
}

export const ChangesPage = ({ view: { list, next } }: { readonly view: ChangesView }) => (
  <Section id="changes" title="Changes of the topology" note="the newest first">
    <Table
      label="Changes"
      empty="The audit remembers none."
      columns={[{ title: 'version', number: true }, { title: 'at' }, { title: 'by' }, { title: 'what' }]}
      rows={list.map(({ version, atMs, by, text }) => ({
        key: String(version),
        cells: [String(version), momentText(atMs), <span class="wrap">{by}</span>, <span class="wrap">{text}</span>],
      }))}
    />
    {next > 0 && (
      <p>
        <a href={`/changes?below=${next}`}>Older changes</a>
      </p>
    )}
    <p class="quiet">
      <code>roost audit undo VERSION</code> takes one back.
    </p>
  </Section>
);

const momentText = (ms: number): ComponentChildren => `${new Date(ms).toISOString().slice(0, 10)} ${clockText(ms)}`;
