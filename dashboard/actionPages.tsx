import { hostname } from 'node:os';
import type { VNode } from 'preact';
import type { CallerAccess } from '../access/index.js';
import { RoostError } from '../core/index.js';
import type { Gizzard } from '../gizzard/index.js';
import { type DashboardAction, digestOf, planOf } from './actions.js';
import { ActionPage, DonePage } from './page/action.js';

interface Answer {
  readonly status: number;
  readonly page: VNode;
}

/** The field with the plan that a form was shown with. */
const seenField = 'seen';

/** The page with the plan of an action. It has a button for callers with the role, and asks others for a token. */
export async function planPage(gizzard: Gizzard, query: URLSearchParams, caller: CallerAccess): Promise<Answer> {
  return shown(await planOf(gizzard, query), query, caller);
}

/**
 * Carries out the action of a form, if its plan is still the one that was shown. Throws `Unauthenticated` and
 * `PermissionDenied` for callers without the role.
 */
export async function carriedOut(gizzard: Gizzard, form: URLSearchParams, caller: CallerAccess): Promise<Answer> {
  const refusal = refusalOf(caller);
  if (refusal !== undefined) throw refusal;
  const action = await planOf(gizzard, form);
  if (form.get(seenField) !== digestOf(action))
    return shown(
      action,
      form,
      caller,
      'Nothing was done: things have changed since this plan was shown. This is the plan now.',
    );
  const by = `${caller.caller?.name ?? 'the dashboard'} at ${caller.peer.address}, dashboard on ${hostname()} (process ${process.pid})`;
  gizzard.log.info({ command: action.command, by }, 'an action of the dashboard');
  try {
    return { status: 200, page: <DonePage title={action.title} done={await action.run(by)} /> };
  } catch (error) {
    const { code, message } = RoostError.from(error);
    if (code !== 'FailedPrecondition' && code !== 'Conflict') throw error;
    return shown(action, form, caller, `Nothing was done: ${message}.`);
  }
}

const refusalOf = (caller: CallerAccess): RoostError | undefined =>
  caller.refusalOfRole('admin', 'manager', 'an action of the dashboard');

function shown(action: DashboardAction, query: URLSearchParams, caller: CallerAccess, error = ''): Answer {
  const asked = [...query].filter(([name]) => name !== seenField);
  const view = {
    ...action,
    fields: [...asked, [seenField, digestOf(action)] as const],
    refusal: refusalOf(caller)?.message ?? '',
    error,
    address: `/action?${new URLSearchParams(asked).toString()}`,
  };
  return { status: error === '' ? 200 : 409, page: <ActionPage view={view} /> };
}
