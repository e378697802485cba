import { Deadline } from '../../core/index.js';
import type { Control } from '../../gizzard/index.js';
import { readPolicy, type WindowPolicy } from './windowPolicy.js';

/** Making or dropping the tables of some windows takes no longer than this. */
const operationDeadlineMs = 120_000;
const readDeadlineMs = 5_000;

/** The policy in the control tables. Who changes windows holds its row on the primary, so that one process does at a time; one that dies lets go of it. */
export class PolicyStore {
  readonly #table: string;

  constructor(private readonly control: Control) {
    this.#table = control.table('tweet_policy');
  }

  /** Undefined where none was ever set. */
  async read(): Promise<WindowPolicy | undefined> {
    const [row] = await this.control.read((host) =>
      host.rows(`SELECT policy FROM ${this.#table} WHERE id = 1 AND policy <> ''`, [], Deadline.after(readDeadlineMs)),
    );
    return row === undefined ? undefined : readPolicy(String(row[0]));
  }

  /** Changes the policy, at most once and at the end of `work`, and does what must happen together with that, while nobody else changes windows. */
  async change<T>(
    work: (before: WindowPolicy | undefined, set: (policy: WindowPolicy) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const primary = await this.control.prepare();
    const deadline = Deadline.after(operationDeadlineMs);
    const { result, step } = await primary.host.transaction(deadline, async (session) => {
      const [row] = await session.rows(`SELECT policy FROM ${this.#table} WHERE id = 1 FOR UPDATE`, [], deadline);
      const json = String(row?.[0] ?? '');
      let step: Parameters<Control['follow']>[0];
      const result = await work(json === '' ? undefined : readPolicy(json), async (policy) => {
        ({ step } = await primary.lead(
          session,
          async (touch) => {
            await session.run(`UPDATE ${this.#table} SET policy = ? WHERE id = 1`, [JSON.stringify(policy)], deadline);
            touch('tweet_policy', { id: 1 });
          },
          deadline,
        ));
      });
      return { result, step };
    });
    await this.control.follow(step);
    return result;
  }
}
