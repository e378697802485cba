import { Section, Sentence } from './parts.js';

/** A change that waits for its click, or was made. */
export interface ActionView {
  readonly title: string;
  readonly command: string;
  readonly plan: readonly string[];
  /** How things are at this moment; '' if there is nothing to say. */
  readonly now: string;
  /** What the form sends: the action, its arguments, and the plan that was shown. */
  readonly fields: readonly (readonly [string, string])[];
  /** Why the viewer may not do it; '' if they may. */
  readonly refusal: string;
  /** Why it was not done when it was asked for; ''. */
  readonly error: string;
  /** The address of this page, to come back to after signing in. */
  readonly address: string;
}

export const ActionPage = ({ view }: { readonly view: ActionView }) => (
  <Section id="action" title={view.title}>
    {view.error !== '' && (
      <p role="alert" class="stale">
        {view.error}
      </p>
    )}
    <ul>
      {view.plan.map((line) => (
        <li key={line}>
          <Sentence text={line} />
        </li>
      ))}
    </ul>
    {view.now !== '' && <p>{view.now}</p>}
    <p>
      The same as a command: <code>{view.command}</code>
    </p>
    {view.refusal === '' ? (
      <form class="signin" method="post" action="/action">
        {view.fields.map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <button type="submit">{view.title}</button> <a href="/">Leave it</a>
      </form>
    ) : (
      <form class="signin" method="post" action="/sign-in">
        <p>{view.refusal}</p>
        <input type="hidden" name="to" value={view.address} />
        <p>
          <label for="token">Token with the role admin</label>
          <input id="token" name="token" type="password" autocomplete="current-password" required />
        </p>
        <button type="submit">Sign in</button> <a href="/">Leave it</a>
      </form>
    )}
  </Section>
);

/** Says what was done. */
export const DonePage = ({ title, done }: { readonly title: string; readonly done: string }) => (
  <Section id="action" title={title}>
    <p role="status">{done}</p>
    <p>
      <a href="/">Back to the overview</a>
    </p>
  </Section>
);
