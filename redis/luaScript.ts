import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { RoostError } from '../core/index.js';

type Name = { readonly name: string; readonly form: 'one' | 'optional' | 'list' };
type Value = string | number | Buffer;
type Given = Value | readonly Value[] | undefined;

/** Reads `count` values from index `at` on; also returns the next index. */
const take = `local function take(from, at, count)
  local list = {}
  for i = 1, count do list[i] = from[at + i - 1] end
  return list, at + count
end`.replaceAll(/\s*\n\s*/g, ' ');

/**
 * A script in a `.lua` file, with names in place of KEYS and ARGV. The comments at its head declare them:
 *
 *     -- KEYS: queue, fence?
 *     -- ARGV: group, ids[]
 *     -- include: streamBytes
 *
 * Each is a local variable of the script: a string, `nil` for an absent one with `?`, a table for one with `[]`.
 * Those with `?` and `[]` come last. An included file stands beside this one, and its locals are visible here. Redis
 * is sent the script's SHA, and its text if the SHA is unknown.
 *
 * Texts in the answer are strings; with `bytes`, they are buffers.
 */
export class LuaScript<Keys extends object, Args extends object, Answer> {
  readonly #name: string;
  readonly #keys: readonly Name[];
  readonly #args: readonly Name[];
  readonly #lua: string;
  readonly #sha: string;

  constructor(
    file: URL,
    private readonly options: { readonly bytes?: boolean } = {},
  ) {
    const text = readFileSync(file, 'utf8');
    this.#name = basename(fileURLToPath(file));
    this.#keys = declared(text, 'KEYS').map(parseName);
    this.#args = declared(text, 'ARGV').map(parseName);
    const included = declared(text, 'include').map((name) => readFileSync(new URL(`${name}.lua`, file), 'utf8'));
    const sizes = [...this.#keys, ...this.#args].filter(({ form }) => form !== 'one').map(({ name }) => name);
    const variables = [
      ...assignments('KEYS', this.#keys, 1, sizes),
      ...assignments('ARGV', this.#args, sizes.length + 1, sizes),
    ];
    this.#lua = [take, ...variables, ...included, text].join('\n');
    this.#sha = createHash('sha1').update(this.#lua).digest('hex');
  }

  /** Throws `Internal` for a missing or unknown name. */
  async run(redis: Redis, keys: Keys, args: Args): Promise<Answer> {
    const sizes: number[] = [];
    const allKeys = this.#flatten(this.#keys, keys, sizes);
    const allArgs = this.#flatten(this.#args, args, sizes);
    // One array: there may be more values than a call can have arguments.
    const values = (sizes as Value[]).concat(allArgs);
    const form = this.options.bytes === true ? 'Buffer' : '';
    const call = (command: 'evalsha' | 'eval', script: string): Promise<unknown> =>
      (redis as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>)[`${command}${form}`]!.call(
        redis,
        script,
        allKeys.length,
        allKeys,
        values,
      );
    try {
      return (await call('evalsha', this.#sha)) as Answer;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return (await call('eval', this.#lua)) as Answer;
    }
  }

  #flatten(names: readonly Name[], given: object, sizes: number[]): Value[] {
    const values: Value[] = [];
    for (const { name, form } of names) {
      const value = (given as Record<string, Given>)[name];
      if (form === 'list') {
        if (!Array.isArray(value)) throw this.#wrong(`needs a list ${name}`);
        sizes.push(value.length);
        for (const one of value as Value[]) values.push(one);
      } else if (form === 'optional' && value === undefined) sizes.push(0);
      else {
        if (value === undefined || Array.isArray(value)) throw this.#wrong(`needs ${name}`);
        if (form === 'optional') sizes.push(1);
        values.push(value as Value);
      }
    }
    const unknown = Object.keys(given).find((name) => !names.some((one) => one.name === name));
    if (unknown !== undefined) throw this.#wrong(`has no ${unknown}`);
    return values;
  }

  #wrong(what: string): RoostError {
    return new RoostError('Internal', `the script ${this.#name} ${what}`);
  }
}

const declared = (text: string, what: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^-- ${what}: (.*)$`, 'gm')), ([, names]) => names!.split(/,\s*/)).flat();

function parseName(text: string): Name {
  const [, name, form] = /^([a-z]\w*)(\?|\[\])?$/i.exec(text) ?? [];
  if (name === undefined) throw new RoostError('Internal', `a script of Redis declares a name ${text}`);
  return { name, form: form === '?' ? 'optional' : form === '[]' ? 'list' : 'one' };
}

/** `sizes` names the lists, in the order of their sizes at the head of ARGV. */
function assignments(
  source: 'KEYS' | 'ARGV',
  names: readonly Name[],
  from: number,
  sizes: readonly string[],
): string[] {
  const firstSized = names.findIndex(({ form }) => form !== 'one');
  const plain = firstSized < 0 ? names : names.slice(0, firstSized);
  const sized = names.slice(plain.length);
  if (sized.some(({ form }) => form === 'one'))
    throw new RoostError('Internal', `a script of Redis declares ${names.map(({ name }) => name).join()} in no order`);
  const at = `${source}_at`;
  return [
    ...plain.map(({ name }, i) => `local ${name} = ${source}[${from + i}]`),
    ...(sized.length === 0 ? [] : [`local ${at} = ${from + plain.length}`]),
    ...sized.flatMap(({ name, form }) => [
      `local ${name}`,
      `${name}, ${at} = take(${source}, ${at}, tonumber(ARGV[${sizes.indexOf(name) + 1}]))`,
      ...(form === 'optional' ? [`${name} = ${name}[1]`] : []),
    ]),
  ];
}
