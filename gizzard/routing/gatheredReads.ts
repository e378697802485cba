import { Deadline } from '../../core/index.js';
import type { Route } from './route.js';

/** Concurrent reads of one shard before further ones are gathered. */
const readsAtOnce = 2;
/** The longest wait for earlier reads: one that hangs must not hold up the shard's other readers. */
const longestWaitMs = 5;
/** Default number of keys in one gathered read. */
const defaultKeysAtOnce = 1_000;

/** Values by the place of their key; a key without one is absent. */
export type Answers<Value> = ReadonlyMap<number, Value>;

interface Waiting<Key, Value> {
  readonly keys: readonly Key[];
  readonly deadline: Deadline;
  readonly answer: (answers: Promise<Answers<Value>>, offset: number) => void;
}

class Line<Key, Value> {
  underWay = 0;
  waiting: Waiting<Key, Value>[] = [];
  timer: NodeJS.Timeout | undefined;
}

/**
 * Gathers reads of many keys from a shard by independent callers. While some reads of the shard are in flight, new
 * ones wait and then go as one: a busy shard gets fewer and larger statements, a quiet one is asked at once. It is to
 * reads what a group commit is to writes. A gathered read has the latest deadline of its callers; each still gets its
 * answer, or `DeadlineExceeded`, by its own. If it fails, all of them get the error.
 */
export class GatheredReads<Key, Value> {
  readonly #lines = new WeakMap<Route, Line<Key, Value>>();

  /** @param keysAtOnce the most keys gathered; a read with more goes alone */
  constructor(
    private readonly ask: (route: Route, keys: readonly Key[], deadline: Deadline) => Promise<Answers<Value>>,
    private readonly keysAtOnce = defaultKeysAtOnce,
  ) {}

  /** The value of each key, in order. */
  async read(route: Route, keys: readonly Key[], deadline: Deadline): Promise<(Value | undefined)[]> {
    let line = this.#lines.get(route);
    if (line === undefined) this.#lines.set(route, (line = new Line()));
    const { answers, offset } =
      line.underWay < readsAtOnce
        ? { answers: await this.#ask(route, line, keys, deadline), offset: 0 }
        : await this.#gathered(route, line, keys, deadline);
    return keys.map((_, place) => answers.get(offset + place));
  }

  #gathered(
    route: Route,
    line: Line<Key, Value>,
    keys: readonly Key[],
    deadline: Deadline,
  ): Promise<{ answers: Answers<Value>; offset: number }> {
    const turn = new Promise<{ answers: Answers<Value>; offset: number }>((resolve, reject) => {
      line.waiting.push({
        keys,
        deadline,
        answer: (answers, offset) => void answers.then((given) => resolve({ answers: given, offset }), reject),
      });
    });
    line.timer ??= setTimeout(() => {
      line.timer = undefined;
      while (line.waiting.length > 0) this.#askTogether(route, line);
    }, longestWaitMs);
    return deadline.race(turn, 'a gathered read');
  }

  async #ask(route: Route, line: Line<Key, Value>, keys: readonly Key[], deadline: Deadline): Promise<Answers<Value>> {
    line.underWay++;
    try {
      return await this.ask(route, keys, deadline);
    } finally {
      line.underWay--;
      if (line.waiting.length > 0 && line.underWay < readsAtOnce) this.#askTogether(route, line);
    }
  }

  /** Takes the first waiting read and as many more as fit, and asks for all of them. */
  #askTogether(route: Route, line: Line<Key, Value>): void {
    let count = 0;
    let keyCount = 0;
    for (const { keys } of line.waiting) {
      if (count > 0 && keyCount + keys.length > this.keysAtOnce) break;
      count++;
      keyCount += keys.length;
    }
    const together = line.waiting.splice(0, count);
    if (line.waiting.length === 0) {
      clearTimeout(line.timer);
      line.timer = undefined;
    }
    const deadline = Deadline.latest(together.map((one) => one.deadline));
    const answers = this.#ask(
      route,
      line,
      together.flatMap(({ keys }) => keys),
      deadline,
    );
    let offset = 0;
    for (const { keys, answer } of together) {
      answer(answers, offset);
      offset += keys.length;
    }
  }
}
