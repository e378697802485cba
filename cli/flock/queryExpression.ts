import { limits, parseId, parseInt64, RoostError } from '../../core/index.js';
import { edgeStates, type Direction, type EdgeState } from '../../flock/index.js';

/** The set of a node's edges that an expression names. */
export interface SetExpression {
  readonly kind: 'set';
  /** Absent: the graph that the command names. */
  readonly graph?: string;
  readonly direction: Direction;
  readonly id: bigint;
  readonly states?: readonly EdgeState[];
  readonly among?: readonly bigint[];
  readonly between?: readonly [min: bigint, max: bigint];
}

export type QueryExpression =
  | SetExpression
  | {
      readonly kind: 'intersect' | 'union' | 'difference';
      readonly left: QueryExpression;
      readonly right: QueryExpression;
    };

const operators = { '&': 'intersect', '|': 'union', '-': 'difference' } as const;
const tokenPattern =
  /\s*(?:(?<word>[A-Za-z][A-Za-z0-9_]*)|(?<range>-?\d+\.\.-?\d+)|(?<number>\d+)|(?<sign>[&|().,=+-])|(?<bad>\S))/gy;

interface Token {
  readonly text: string;
  readonly at: number;
}

/**
 * Reads an expression such as `to(1) - from(1)`: the sets `from(ID)` and `to(ID)`, joined by & (in both), | (in
 * either) and - (in the left set only). & binds closer than the other two, which associate to the left; parentheses
 * group. A set may have options: `from(1, states=normal+archived, among=2+3, between=10..20)`. `blocks.from(1)` is a
 * set of another graph. Throws `InvalidArgument` with the position of the error.
 */
export function parseExpression(text: string): QueryExpression {
  return new Parser(text).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #sets = 0;
  #depth = 0;

  constructor(private readonly text: string) {
    this.#tokens = Array.from(text.matchAll(tokenPattern), (match) => ({
      text: match[0].trim(),
      at: match.index + match[0].length - match[0].trimStart().length,
    }));
  }

  whole(): QueryExpression {
    const expression = this.#sum();
    if (this.#peek() !== undefined) throw this.#unexpected('&, | or -');
    return expression;
  }

  #sum(): QueryExpression {
    let left = this.#product();
    for (let operator = this.#peek(); operator === '|' || operator === '-'; operator = this.#peek()) {
      this.#next++;
      left = { kind: operators[operator], left, right: this.#product() };
    }
    return left;
  }

  #product(): QueryExpression {
    let left = this.#primary();
    while (this.#accept('&')) left = { kind: 'intersect', left, right: this.#primary() };
    return left;
  }

  #primary(): QueryExpression {
    if (!this.#accept('(')) return this.#set();
    // The parser recurses once for each level.
    if (++this.#depth > limits.termsPerQuery)
      throw new RoostError('InvalidArgument', `an expression may be nested ${limits.termsPerQuery} deep at most`);
    const inner = this.#sum();
    this.#expect(')');
    this.#depth--;
    return inner;
  }

  #set(): SetExpression {
    if (++this.#sets > limits.termsPerQuery)
      throw new RoostError('InvalidArgument', `a query may have ${limits.termsPerQuery} terms at most`);
    let name = this.#word('from, to, or a graph');
    let graph: string | undefined;
    if (this.#accept('.')) {
      graph = name;
      name = this.#word('from or to');
    }
    if (name !== 'from' && name !== 'to') {
      this.#next--;
      throw this.#unexpected('from or to');
    }
    this.#expect('(');
    const id = parseId(this.#take(/^\d+$/, 'an id'));
    const options: { states?: EdgeState[]; among?: bigint[]; between?: readonly [bigint, bigint] } = {};
    while (this.#accept(',')) {
      const option = this.#take(/^(states|among|between)$/, 'states, among or between');
      this.#expect('=');
      if (option === 'states') options.states = this.#list(() => this.#state());
      else if (option === 'among') options.among = this.#list(() => parseId(this.#take(/^\d+$/, 'an id')));
      else {
        const [min, max] = this.#take(/\.\./, 'positions as MIN..MAX').split('..');
        options.between = [parseInt64(min!, 'position'), parseInt64(max!, 'position')];
      }
    }
    this.#expect(')');
    return {
      kind: 'set',
      direction: name === 'from' ? 'forward' : 'backward',
      id,
      ...(graph === undefined ? {} : { graph }),
      ...options,
    };
  }

  #state(): EdgeState {
    const word = this.#take(new RegExp(`^(${edgeStates.join('|')})$`), edgeStates.join(', '));
    return word as EdgeState;
  }

  #list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.#accept('+')) items.push(item());
    return items;
  }

  #word(what: string): string {
    return this.#take(/^[A-Za-z]/, what);
  }

  #take(pattern: RegExp, what: string): string {
    const text = this.#peek();
    if (text === undefined || !pattern.test(text)) throw this.#unexpected(what);
    this.#next++;
    return text;
  }

  #accept(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected(text);
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next]?.text;
  }

  #unexpected(wanted: string): RoostError {
    const token = this.#tokens[this.#next];
    const found =
      token === undefined ? 'it ends' : `there is ${JSON.stringify(this.text.slice(token.at, token.at + 20))}`;
    return new RoostError(
      'InvalidArgument',
      `the query needs ${wanted} where ${found}${token === undefined ? '' : ` (character ${token.at + 1})`}`,
      { fields: { argument: 'expression' } },
    );
  }
}
