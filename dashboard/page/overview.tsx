import type { ClusterState, HostView, MigrationView, QueueView, StatePart } from '../state.js';
import { bytesText, countText, durationText, percentText } from './format.js';
import { MigrationActions, QueueActions } from './actionLinks.js';
import { Heat } from './heat.js';
import { Mark, Section, Sentence, Table, Trend, type Tone } from './parts.js';
import { Verdict } from './verdict.js';

/** The first screen: what is wrong, and then everything that one looks at first, the most urgent on top. */
export const Overview = ({ state }: { readonly state: ClusterState }) => {
  const stale = (part: StatePart): string | undefined => state.stale[part];
  return (
    <>
      <Verdict state={state} />
      <Section id="hosts" title="Hosts" stale={stale('hosts')}>
        <Table
          label="Hosts"
          empty="The configuration names no host."
          columns={hostColumns}
          rows={state.hosts.map(hostRow)}
        />
        {state.hosts
          .filter(({ reason }) => reason !== '')
          .map(({ name, reason }) => (
            <p key={name} class="quiet">
              {reason.startsWith(name) ? reason : `${name}: ${reason}`}
            </p>
          ))}
      </Section>
      <Section id="migrations" title="Migrations" note={state.migrations.throttle} stale={stale('migrations')}>
        <Table
          label="Migrations"
          empty="No migration is under way."
          columns={migrationColumns}
          rows={state.migrations.list.map(migrationRow)}
        />
        {state.migrations.more > 0 && <p>and {countText(state.migrations.more)} more</p>}
      </Section>
      <Section id="queues" title="Queues" stale={stale('queues')}>
        <Table
          label="Queues"
          empty="The journal does not answer."
          columns={queueColumns}
          rows={state.queues.map(queueRow)}
        />
      </Section>
      <Section id="caches" title="Caches" stale={stale('caches')}>
        <Caches state={state} />
      </Section>
      <Section id="heat" title="Heat" note="reads and written rows, by place in the hash space" stale={stale('heat')}>
        <Heat heat={state.heat} />
      </Section>
      <Section id="servers" title="Servers" stale={stale('servers')}>
        <Table
          label="Servers"
          empty="No server says that it runs."
          columns={[
            { title: 'server' },
            { title: 'release' },
            { title: 'calls/s', number: true },
            { title: 'p99', number: true },
            { title: 'topology', number: true },
          ]}
          rows={state.servers.map(({ id, name, version, callsPerSecond, p99Ms, topologyVersion }) => ({
            key: id,
            cells: [
              name.replace(/^server /, ''),
              version,
              countText(callsPerSecond),
              durationText(p99Ms),
              topologyVersion === state.topologyVersion
                ? String(topologyVersion)
                : `${topologyVersion} of ${state.topologyVersion}`,
            ],
          }))}
        />
      </Section>
    </>
  );
};

const hostColumns = [
  { title: 'host' },
  { title: 'state' },
  { title: 'queries/s', number: true },
  { title: 'last minutes' },
  { title: 'p99', number: true },
  { title: 'used', number: true },
  { title: 'free', number: true },
  { title: 'waiting', number: true },
  { title: 'in use', number: true },
  { title: 'shards', number: true },
] as const;

const hostRow = (host: HostView) => ({
  key: host.name,
  cells: [
    host.name,
    host.state === 'up' ? <Mark tone="good">up</Mark> : <Mark tone="bad">no answer</Mark>,
    countText(host.queriesPerSecond),
    <Trend values={host.trend} />,
    durationText(host.p99Ms),
    bytesText(host.usedBytes),
    bytesText(host.freeBytes),
    countText(host.poolWaiting),
    countText(host.poolInUse),
    countText(host.shards),
  ],
});

const migrationTones: Readonly<Record<string, Tone>> = {
  queued: 'quiet',
  running: 'busy',
  settled: 'good',
  paused: 'quiet',
  failed: 'bad',
};
const phaseMarks = { pending: '○', running: '◐', done: '●' } as const;
const verifiedTexts = { yes: 'yes', running: 'under way', no: 'not yet' } as const;

const migrationColumns = [
  { title: 'migration' },
  { title: 'state' },
  { title: 'phase' },
  { title: 'rows' },
  { title: 'left', number: true },
  { title: 'verified' },
  { title: 'can be rolled back until' },
  { title: 'actions' },
] as const;

const migrationRow = (migration: MigrationView) => {
  const { id, title, state, goal, phase, rowsDone, rowsTotal, rowsPerSecond, leftMs, heldUp, verified } = migration;
  return {
    key: String(id),
    cells: [
      <span class="wrap" data-migration={id} data-phase={phase ?? ''} data-state={state}>
        {id} <span class="quiet">{title}</span>
      </span>,
      <Mark tone={migrationTones[state] ?? 'quiet'}>{goal === 'rollback' ? `${state}, rolling back` : state}</Mark>,
      <span class="phases">
        <span aria-hidden="true">{migration.phases.map((each) => phaseMarks[each.state]).join('')}</span> {phase ?? ''}
        {heldUp !== '' && (
          <span class="wrap">
            held up: <Sentence text={heldUp} />
          </span>
        )}
      </span>,
      rowsTotal === 0 ? (
        '–'
      ) : (
        <>
          <progress max={rowsTotal} value={Math.min(rowsDone, rowsTotal)} aria-label={`Rows of migration ${id}`} />{' '}
          {countText(rowsDone)} of {countText(rowsTotal)}
          {rowsPerSecond > 0 && `, ${countText(rowsPerSecond)}/s`}
        </>
      ),
      durationText(leftMs),
      verifiedTexts[verified],
      <Sentence text={migration.rollBackUntil === '' ? '–' : migration.rollBackUntil} />,
      <MigrationActions id={id} state={state} />,
    ],
  };
};

const queueColumns = [
  { title: 'priority' },
  { title: 'waiting', number: true },
  { title: 'oldest', number: true },
  { title: 'applied/s', number: true },
  { title: 'failing', number: true },
  { title: 'bad', number: true },
  { title: 'last error' },
  { title: 'actions' },
] as const;

const queueRow = (queue: QueueView) => ({
  key: queue.priority,
  cells: [
    <>
      {queue.priority} {queue.paused && <Mark tone="quiet">paused</Mark>}
    </>,
    countText(queue.queued),
    durationText(queue.oldestMs),
    countText(queue.appliedPerSecond),
    queue.failing > 0 ? <Mark tone="busy">{countText(queue.failing)}</Mark> : '0',
    queue.bad > 0 ? <Mark tone="bad">{countText(queue.bad)}</Mark> : '0',
    <span class="cut" title={queue.lastError}>
      {queue.lastError}
    </span>,
    <QueueActions queue={queue} />,
  ],
});

const Caches = ({ state: { caches } }: { readonly state: ClusterState }) => {
  if (caches.nodes.length === 0)
    return <p class="empty">The configuration names no cache node: reads go to the databases.</p>;
  const out = caches.nodes.filter(({ answers, state }) => !answers || state === 'out' || state === 'gone');
  return (
    <>
      <Table
        label="Caches"
        empty="No server has read from a cache yet."
        columns={[
          { title: 'cache' },
          { title: 'hits', number: true },
          { title: 'usual', number: true },
          { title: 'reads/s', number: true },
        ]}
        rows={caches.list.map(({ name, hitPercent, usualPercent, readsPerSecond }) => ({
          key: name,
          cells: [
            name,
            hitPercent !== null && usualPercent !== null && hitPercent < usualPercent ? (
              <Mark tone="busy">{percentText(hitPercent)}</Mark>
            ) : (
              percentText(hitPercent)
            ),
            usualPercent === null ? '–' : `${usualPercent} %`,
            countText(readsPerSecond),
          ],
        }))}
      />
      {out.length === 0 ? (
        <p class="quiet">
          {caches.nodes.length === 1 ? 'The one node holds' : `All ${caches.nodes.length} nodes hold`} the keys.
        </p>
      ) : (
        <ul class="plain">
          {out.map(({ node, state, answers }) => (
            <li key={node}>
              <Mark tone="bad">{answers ? state : 'no answer'}</Mark> {node}
            </li>
          ))}
        </ul>
      )}
    </>
  );
};
