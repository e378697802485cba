import type { ClusterState, FindingView } from '../state.js';
import { countText } from './format.js';
import { Mark, Sentence } from './parts.js';

const shown = 8;

/** One sentence that says what is wrong, and the command that is next. Everything else that is wrong stands below. */
export const Verdict = ({ state: { findings, hosts, servers } }: { readonly state: ClusterState }) => {
  const [first, ...others] = findings;
  if (first === undefined)
    return (
      <div class="verdict well" role="status">
        <p class="sentence">
          <Mark tone="good">Nothing is wrong.</Mark>
        </p>
        <p class="quiet">
          {countText(hosts.length)} {hosts.length === 1 ? 'host answers' : 'hosts answer'}, {countText(servers.length)}{' '}
          {servers.length === 1 ? 'server runs' : 'servers run'}. <code>roost doctor</code> looks deeper: at tables,
          trees and differing replicas.
        </p>
      </div>
    );
  return (
    <div class="verdict wrong" role="status">
      <p class="sentence">
        <Mark tone="bad">
          <Sentence text={sentenceOf(first)} />
        </Mark>
      </p>
      <p class="command">
        <span aria-hidden="true">$ </span>
        <code>{first.command}</code>
      </p>
      {others.length > 0 && (
        <details>
          <summary>
            {countText(others.length)} more {others.length === 1 ? 'finding' : 'findings'}
          </summary>
          <ul class="plain">
            {others.slice(0, shown).map(({ kind, subject, message }) => (
              <li key={`${kind} ${subject} ${message}`}>
                <Sentence text={message} />
              </li>
            ))}
            {others.length > shown && (
              <li>
                and {countText(others.length - shown)} more: <code>roost doctor</code>
              </li>
            )}
          </ul>
        </details>
      )}
    </div>
  );
};

const sentenceOf = ({ message }: FindingView): string => {
  const text = message.slice(0, 1).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
};
