import type { ComponentChildren } from 'preact';
import type { ClusterState, PageLinks } from '../state.js';
import { clockText } from './format.js';
import { Mark } from './parts.js';
import { Overview } from './overview.js';

const pages: PageLinks = [
  ['/', 'Overview'],
  ['/topology', 'Topology'],
  ['/migrations', 'Migrations'],
  ['/jobs', 'Jobs'],
  ['/changes', 'Changes'],
];

/** What stands around every page. */
export const Shell = ({
  cluster,
  aside,
  path = '',
  more = [],
  children,
}: {
  readonly cluster: string;
  /** Which of the pages it is. */
  readonly path?: string;
  /** The pages that stores bring. */
  readonly more?: PageLinks;
  readonly aside: ComponentChildren;
  readonly children: ComponentChildren;
}) => (
  <>
    <header>
      <h1>
        <a href="/">{cluster}</a>
      </h1>
      <p class="quiet">{aside}</p>
    </header>
    <nav aria-label="Pages">
      {[...pages, ...more].map(([href, title]) => (
        <a key={href} href={href} aria-current={href === path ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
    <main>{children}</main>
    <footer class="quiet">
      What changes something shows its plan first, and the command of <code>roost</code> that does the same.
    </footer>
  </>
);

/** `live`: the page follows the cluster. `lost`: it did, and does not any more. `still`: it shows one moment, as without JavaScript. */
export type Following = 'live' | 'lost' | 'still';

export const OverviewPage = ({
  state,
  following,
  signOut,
}: {
  readonly state: ClusterState;
  readonly following: Following;
  /** Whether somebody has signed in, and may sign out. */
  readonly signOut: boolean;
}) => (
  <Shell
    cluster={state.cluster}
    path="/"
    more={state.pages}
    aside={
      <>
        {following === 'live' && <Mark tone="good">live</Mark>}
        {following === 'lost' && <Mark tone="bad">no connection to the server</Mark>}
        {following === 'still' && <Mark tone="quiet">as it was</Mark>} <time>{clockText(state.atMs)}</time> · release{' '}
        {state.version}
        {signOut && (
          <form method="post" action="/sign-out">
            <button type="submit">Sign out</button>
          </form>
        )}
      </>
    }
  >
    <Overview state={state} />
  </Shell>
);

/** Asks for a token, where roles are on. */
export const SignInPage = ({ cluster, message }: { readonly cluster: string; readonly message: string }) => (
  <Shell cluster={cluster} aside="sign in">
    <form class="signin" method="post" action="/sign-in">
      <p>{message}</p>
      <p>
        <label for="token">Token with the role read on metrics</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required />
      </p>
      <p>
        <button type="submit">Sign in</button>
      </p>
      <p class="quiet">
        <code>roost access token new NAME --role read --service metrics</code> makes one.
      </p>
    </form>
  </Shell>
);

/** Says why there is no page. */
export const MessagePage = ({
  cluster,
  title,
  message,
}: {
  readonly cluster: string;
  readonly title: string;
  readonly message: string;
}) => (
  <Shell cluster={cluster} aside={title}>
    <div class="verdict">
      <p class="sentence">{message}</p>
    </div>
  </Shell>
);

/** A page that shows one moment. */
export const DetailPage = ({
  cluster,
  path,
  more,
  atMs,
  children,
}: {
  readonly cluster: string;
  readonly path: string;
  readonly more: PageLinks;
  readonly atMs: number;
  readonly children: ComponentChildren;
}) => (
  <Shell
    cluster={cluster}
    path={path}
    more={more}
    aside={
      <>
        <Mark tone="quiet">as it was</Mark> <time>{clockText(atMs)}</time>
      </>
    }
  >
    {children}
  </Shell>
);
