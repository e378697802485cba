import { RoostError } from '../../core/index.js';
import { nodeType, nodeTypes } from '../nodes/index.js';
import { plainAttributes } from '../shardAttributes.js';
import { checkTemplate, type Template } from './template.js';

/*
 *   template := name [ "(" [ argument { "," argument } ] ")" ] [ "*" weight ] [ "->" ( template | "(" template { "," template } ")" ) ]
 *   argument := template | word | "text" | word "=" ( word | "text" )
 *
 * Two forms share it. Ours: `replicating(flock(db1), flock(db2, sourceType="INT UNSIGNED") * 3)`; a leaf's arguments are its host and those of its attributes that are not the usual ones.
 * The old tools': `ReplicatingShard(1) -> (SqlShard(db1,1,"INT UNSIGNED","INT UNSIGNED"), BlockedShard(1) -> SqlShard(db2,1))`; a node's arguments are its weight
 * and two column types, a leaf's the same behind its host.
 */

type Token = {
  readonly kind: 'word' | 'text' | 'end' | '(' | ')' | ',' | '*' | '=' | '->';
  readonly text: string;
  readonly at: number;
};
type Argument = { readonly token: Token; readonly template?: Template; readonly value?: string };

const tokenPattern = /\s*(?:(->)|([(),*=])|"([^"]*)"|((?:(?!->)[A-Za-z0-9_.:-])+))/y;
const maxWeight = 2 ** 31 - 1;
const maxLength = 100_000;

/** Maps the name of a leaf's type, ours or the old tools', to ours; undefined if there is none. */
export type LeafType = (name: string) => string | undefined;

/**
 * Parses a template in either form. The weight of the root is for the caller; within a tree it has no meaning. Throws
 * `InvalidArgument` with the character and what was expected, or for a tree that cannot exist.
 */
export function parseTemplate(text: string, leafType: LeafType): Template {
  const parser = new TemplateParser(text, leafType);
  const template = parser.template();
  parser.end();
  return checkTemplate(template);
}

class TemplateParser {
  readonly #tokens: readonly Token[];
  #place = 0;

  constructor(
    private readonly text: string,
    private readonly leafType: LeafType,
  ) {
    this.#tokens = tokenize(text);
  }

  template(): Template {
    const name = this.#take('word', 'the type of a node or shard');
    const type = this.#typeOf(name);
    let args = this.#at('(') ? this.#list(() => this.#argument()) : [];
    let weight = this.#at('*') ? this.#starWeight() : undefined;
    if (type.isNode) {
      let children = args.flatMap((argument) => argument.template ?? []);
      args = args.filter((argument) => argument.template === undefined);
      if (args.length > 0 && (children.length > 0 || args[0]!.token.kind !== 'word'))
        throw this.#expected('a child', args[0]!.token);
      if (args.length > 0) weight = this.#weight(args[0]!.token);
      this.#textsOnly(args.slice(1));
      if (this.#at('->')) {
        if (children.length > 0)
          throw this.#expected('the end, since the children stand in parentheses already', this.#peek);
        this.#place++;
        children = this.#at('(') ? this.#list(() => this.template()) : [this.template()];
      }
      return { type: type.name, weight: weight ?? 1, attributes: {}, children };
    }
    const nested = args.find((argument) => argument.template !== undefined);
    if (nested !== undefined)
      throw this.#expected(`a host, since ${name.text} holds data and has no children`, nested.token);
    const [host, ...more] = args;
    const rest = more.filter(({ value }) => value === undefined);
    if (host === undefined || host.value !== undefined || host.token.kind !== 'word' || /^\d+$/.test(host.token.text))
      throw this.#expected('the name of a host', host?.token ?? this.#tokens[this.#place - 1]!);
    if (rest[0]?.token.kind === 'word') weight = this.#weight(rest.shift()!.token);
    this.#textsOnly(rest);
    const [sourceType = '', destinationType = ''] = rest.map(({ token }) => token.text);
    const attributes: Record<string, string> = { ...plainAttributes({ sourceType, destinationType }) };
    for (const { token, value } of more) {
      if (value === undefined) continue;
      if (attributes[token.text] !== undefined) throw this.#expected('an attribute that is not given yet', token);
      attributes[token.text] = value;
    }
    return { type: type.name, host: host.token.text, weight: weight ?? 1, attributes, children: [] };
  }

  end(): void {
    this.#take('end', 'the end');
  }

  #at(kind: Token['kind']): boolean {
    return this.#tokens[this.#place]!.kind === kind;
  }

  get #peek(): Token {
    return this.#tokens[this.#place]!;
  }

  #typeOf(token: Token): { readonly name: string; readonly isNode: boolean } {
    const last = token.text.slice(token.text.lastIndexOf('.') + 1);
    const old = /^([A-Z])(\w*)Shard$/.exec(last);
    const node = nodeType(last) ?? (old === null ? undefined : nodeType(old[1]!.toLowerCase() + old[2]!));
    if (node !== undefined) return { name: node.name, isNode: true };
    const leaf = this.leafType(last);
    if (leaf !== undefined) return { name: leaf, isNode: false };
    throw this.#expected(`${nodeTypes.map(({ name }) => name).join(', ')} or the type of a shard`, token);
  }

  #argument(): Argument {
    const token = this.#peek;
    if (token.kind === 'text') {
      this.#place++;
      return { token };
    }
    const word = token.kind === 'word' ? token : this.#take('word', 'an argument');
    const next = this.#tokens[this.#place + 1]!.kind;
    if (next === '(' || next === '->' || nodeType(word.text) !== undefined || /Shard$/.test(word.text))
      return { token, template: this.template() };
    this.#place++;
    if (next !== '=') return { token };
    this.#place++;
    const value = this.#at('text') ? this.#take('text', 'a value') : this.#take('word', 'a value');
    return { token, value: value.text };
  }

  #list<T>(item: () => T): T[] {
    this.#take('(', '"("');
    const items: T[] = [];
    if (this.#at(')')) {
      this.#place++;
      return items;
    }
    for (;;) {
      items.push(item());
      if (this.#at(')')) break;
      this.#take(',', '"," or ")"');
    }
    this.#place++;
    return items;
  }

  #starWeight(): number {
    this.#place++;
    return this.#weight(this.#take('word', 'a weight'));
  }

  #weight(token: Token): number {
    const weight = /^\d{1,10}$/.test(token.text) ? Number(token.text) : NaN;
    if (!(weight <= maxWeight)) throw this.#expected(`a weight from 0 to ${maxWeight}`, token);
    return weight;
  }

  #textsOnly(args: readonly Argument[]): void {
    const wrong = args.find(({ token }) => token.kind !== 'text') ?? args[2];
    if (wrong !== undefined) throw this.#expected('two column types in quotes, or ")"', wrong.token);
  }

  #take(kind: Token['kind'], expected: string): Token {
    const token = this.#peek;
    if (token.kind !== kind) throw this.#expected(expected, token);
    this.#place++;
    return token;
  }

  #expected(what: string, found: Token): RoostError {
    return templateError(
      this.text,
      found.at,
      `expected ${what}, found ${found.kind === 'end' ? 'the end' : JSON.stringify(found.text)}`,
    );
  }
}

function tokenize(text: string): Token[] {
  if (text.length > maxLength)
    throw new RoostError('InvalidArgument', `a template has at most ${maxLength} characters, not ${text.length}`);
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < end) {
    const from = tokenPattern.lastIndex;
    const match = tokenPattern.exec(text);
    const at = from + (/^\s*/.exec(text.slice(from))?.[0].length ?? 0);
    if (match === null) throw templateError(text, at, `${JSON.stringify(text[at])} has no place in a template`);
    const [, arrow, sign, quoted, word] = match;
    if (arrow !== undefined) tokens.push({ kind: '->', text: arrow, at });
    else if (sign !== undefined) tokens.push({ kind: sign as '(' | ')' | ',' | '*' | '=', text: sign, at });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted, at });
    else tokens.push({ kind: 'word', text: word!, at });
  }
  return [...tokens, { kind: 'end', text: '', at: end }];
}

/** Characters are counted from 1, as in editors. */
const templateError = (text: string, at: number, what: string): RoostError =>
  new RoostError(
    'InvalidArgument',
    `the template does not parse at character ${at + 1}: ${what}\n  ${text}\n  ${' '.repeat(at)}^`,
    { fields: { character: at + 1 } },
  );
