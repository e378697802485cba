import { hydrate, render } from 'preact';
import { OverviewPage, type Following } from '../page/shell.js';
import type { ClusterState } from '../state.js';

// The page is whole when it comes. This keeps it up to date, and nothing else.

const reconnectAfterMs = 5_000;
const root = document.getElementById('page');
const initial = document.getElementById('state')?.textContent;

if (root !== null && initial !== null && initial !== undefined) {
  let state = JSON.parse(initial) as ClusterState;
  const signOut = document.querySelector('form[action="/sign-out"]') !== null;
  const page = (following: Following) => <OverviewPage state={state} following={following} signOut={signOut} />;
  hydrate(page('still'), root);

  const follow = (): void => {
    const source = new EventSource('/live');
    const take = (event: MessageEvent<string>): void => {
      state = { ...state, ...(JSON.parse(event.data) as Partial<ClusterState>) };
      render(page('live'), root);
    };
    source.addEventListener('state', take);
    source.addEventListener('change', take);
    source.addEventListener('error', () => {
      render(page('lost'), root);
      // After an answer that is no stream, such as that there are too many viewers, the browser does not try again by itself.
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      setTimeout(follow, reconnectAfterMs);
    });
  };
  follow();
}
