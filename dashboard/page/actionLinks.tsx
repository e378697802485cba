/** A link to the plan of an action, which a click there carries out. */
const ActionLink = ({
  text,
  about,
  query,
}: {
  readonly text: string;
  /** What it concerns, for those who hear the link alone. */
  readonly about: string;
  readonly query: Readonly<Record<string, string | number>>;
}) => (
  <a
    class="action"
    href={`/action?${Object.entries(query)
      .map(([name, value]) => `${name}=${value}`)
      .join('&')}`}
    aria-label={`${text} ${about}`}
  >
    {text}
  </a>
);

/** The actions on a queue of the journal. */
export const QueueActions = ({
  queue: { priority, paused, failing, bad },
}: {
  readonly queue: {
    readonly priority: string;
    readonly paused: boolean;
    readonly failing: number;
    readonly bad: number;
  };
}) => (
  <>
    <ActionLink
      text={paused ? 'resume' : 'pause'}
      about={`jobs of ${priority} priority`}
      query={{ do: paused ? 'resume-jobs' : 'pause-jobs', priority }}
    />
    {(['failing', 'bad'] as const)
      .filter((queue) => (queue === 'bad' ? bad : failing) > 0)
      .map((queue) => (
        <span key={queue}>
          {' '}
          <ActionLink
            text={`retry ${queue}`}
            about={`jobs of ${priority} priority`}
            query={{ do: 'retry-jobs', priority, queue }}
          />
        </span>
      ))}
  </>
);

const atEnd: ReadonlySet<string> = new Set(['done', 'rolledBack']);

/** The actions on a migration; none once it is at its end. */
export const MigrationActions = ({ id, state }: { readonly id: number; readonly state: string }) => {
  if (atEnd.has(state)) return null;
  const resting = state === 'paused' || state === 'failed';
  return (
    <>
      {state !== 'settled' && (
        <ActionLink
          text={resting ? 'resume' : 'pause'}
          about={`migration ${id}`}
          query={{ do: resting ? 'resume-migration' : 'pause-migration', id }}
        />
      )}{' '}
      <ActionLink text="roll back" about={`migration ${id}`} query={{ do: 'roll-back', id }} />
    </>
  );
};

/** Asks for the bounds of all copies, and leads to the plan. */
export const ThrottleForm = () => (
  <form method="get" action="/action" class="search">
    <input type="hidden" name="do" value="throttle" />
    <label for="rows">Rows a second that all copies together do at most; empty: no bound</label>
    <input id="rows" name="rows" inputmode="numeric" />
    <label for="between">Times of day in UTC when migrations work, such as 01:00-05:00; empty: always</label>
    <input id="between" name="between" /> <button type="submit">Throttle</button>
  </form>
);
