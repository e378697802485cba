import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { RoostConfig } from './config.js';
import { type ConfigOverride, environmentOverrides } from './configEnvironment.js';
import { type ConfigPath, describeAllowed, keysBelow, keysOf, type KeySchema, keySchema } from './configKeys.js';
import type { ConfigPart } from './configPart.js';
import { configSchemaWith } from './configSchemaWith.js';
import { RoostError } from '../core/index.js';
import { suggest } from './suggest.js';
import { mayConnect } from './tlsConfig.js';

/** Where to look for a configuration if neither an option nor ROOST_CONFIG names one. */
export const configPlaces = ['roost.config.json', '.roost/roost.config.json'] as const;

export interface LoadConfigOptions {
  /** The file from an option. Absent: ROOST_CONFIG, then `configPlaces` in the working folder. */
  readonly path?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
  readonly workingFolder?: string;
  /** Values of options, which override the environment, which overrides the file. */
  readonly overrides?: readonly ConfigOverride[];
  /** The stores' parts. A file with keys of a missing part is refused. */
  readonly parts?: readonly ConfigPart[];
}

export interface LoadedConfig {
  readonly config: RoostConfig;
  /** The file that was read. */
  readonly path: string;
  /** About environment variables that were not read, or have an old name. */
  readonly warnings: readonly string[];
}

/**
 * Finds, reads and validates the configuration. Throws `NotFound` without a file, and `InvalidArgument` with one line
 * per fault: the file or variable, the key, the value found and what is allowed.
 */
export function loadConfig(options: LoadConfigOptions = {}): LoadedConfig {
  const environment = options.environment ?? process.env;
  const { parts = [] } = options;
  const schema = configSchemaWith(parts);
  const keys = keysOf(schema);
  const path = findConfig(options, environment);
  const file = readConfig(path);
  const hosts = file['databaseHosts'];
  const fromEnvironment = environmentOverrides(environment, isObject(hosts) ? Object.keys(hosts) : [], keys);
  const overrides = [...fromEnvironment.overrides, ...(options.overrides ?? [])];
  const input = structuredClone(file);
  for (const override of overrides) assign(input, override.path, override.value);

  const sourceOf = (key: ConfigPath): string =>
    overrides.findLast((override) => override.path.every((name, index) => name === key[index]))?.source ?? path;
  const parsed = schema.safeParse(input);
  if (!parsed.success)
    throw invalid(
      path,
      parsed.error.issues.flatMap((issue) => explain(issue, input, sourceOf, keys)),
    );
  const problems = crossCheck(parsed.data, parts, sourceOf);
  if (problems.length > 0) throw invalid(path, problems);
  return { config: parsed.data, path, warnings: fromEnvironment.warnings };
}

function findConfig(options: LoadConfigOptions, environment: NodeJS.ProcessEnv): string {
  const folder = options.workingFolder ?? process.cwd();
  const named = options.path ?? environment['ROOST_CONFIG'];
  if (named !== undefined) return resolve(folder, named);
  const found = configPlaces.map((place) => resolve(folder, place)).find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new RoostError(
    'NotFound',
    `no configuration: there is neither ${configPlaces.join(' nor ')} in ${folder}; run \`roost playground start\`, which writes one, or name a file with --config`,
    { fields: { folder } },
  );
}

function readConfig(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RoostError(
      missing ? 'NotFound' : 'FailedPrecondition',
      `${path}: ${missing ? 'there is no such configuration file' : 'cannot be read'}`,
      {
        fields: { file: path },
        cause,
      },
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, [`${path}: is not JSON: ${whyNoJson(cause)}`]);
  }
  if (!isObject(parsed)) throw invalid(path, [`${path}: must hold a JSON object, found ${show(parsed)}`]);
  return parsed;
}

function assign(target: Record<string, unknown>, path: ConfigPath, value: unknown): void {
  let object = target;
  for (const name of path.slice(0, -1)) {
    const below = Object.hasOwn(object, name) ? object[name] : undefined;
    if (below !== undefined && !isObject(below)) return;
    object = object[name] = below ?? {};
  }
  const last = path.at(-1);
  if (last !== undefined) object[last] = value;
}

function explain(
  issue: z.core.$ZodIssue,
  input: unknown,
  sourceOf: (key: ConfigPath) => string,
  keys: KeySchema,
): readonly string[] {
  const key = issue.path.map(String);
  const source = sourceOf(key);
  const name = key.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) => {
      const known = keysBelow(key, keys);
      const meant = suggest(unknown, known);
      const hint =
        meant === undefined ? `the keys here are ${known.join(', ')}` : `did you mean ${[...key, meant].join('.')}?`;
      return `${source}: ${[...key, unknown].join('.')} is not a key of the configuration: ${hint}`;
    });
  }
  const found = issue.path.reduce<unknown>(
    (value, step) => (isObject(value) || Array.isArray(value) ? (value as never)[step] : undefined),
    input,
  );
  const schema = keySchema(key, keys);
  const rule =
    issue.code === 'invalid_format' || issue.code === 'custom'
      ? issue.message
      : `must be ${schema === undefined ? 'valid' : describeAllowed(schema)}`;
  return [`${source}: ${name} ${rule}, found ${show(found, isSecret(key.at(-1)) || schema?.type === 'object')}`];
}

/** Relations between keys, which the schema cannot express. */
function crossCheck(
  config: RoostConfig,
  parts: readonly ConfigPart[],
  sourceOf: (key: ConfigPath) => string,
): readonly string[] {
  const known = Object.keys(config.databaseHosts);
  const ofParts = parts.flatMap((part) =>
    part.problems(config).map(({ key, text }) => `${sourceOf(key)}: ${key.join('.')} ${text}`),
  );
  const hosts = config.nameServer.hosts.flatMap((host, index) => {
    if (known.includes(host)) return [];
    const meant = suggest(host, known);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    const key = ['nameServer', 'hosts', String(index)];
    return [
      `${sourceOf(key)}: ${key.join('.')} must name one of databaseHosts (${known.join(', ')}), found ${show(host)}${hint}`,
    ];
  });
  const { memcached, cache } = config;
  const clear = [...memcached, ...cache.gutter, ...cache.pages]
    .map((node) => node.split(':')[0]!)
    .filter((host) => !mayConnect[0]({ ...cache, host }))
    .map(
      (host) =>
        `${sourceOf(['memcached'])}: cache node ${host} is not on loopback and would not be encrypted: set cache.tls, or cache.plain to true on a network that is trusted`,
    );
  return [...ofParts, ...hosts, ...clear.slice(0, 1)];
}

const invalid = (path: string, problems: readonly string[], cause?: unknown): RoostError =>
  new RoostError('InvalidArgument', problems.join('\n'), { fields: { file: path }, cause });

/** Names of files may be shown. */
const isSecretFile = (key: string): boolean => key.endsWith('File');

/** The parser's message without its quotation, which may be part of a password. */
const whyNoJson = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, '');

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSecret = (key: string | undefined): boolean => key !== undefined && /password|secret/i.test(key);

/**
 * A short value for a message, never a password. @param secret whether a text may be one, or contain one as a URL
 * does
 */
function show(value: unknown, secret = false): string {
  if (value === undefined) return 'nothing';
  if (secret && !isObject(value)) return `a value of type ${typeof value}`;
  const text = JSON.stringify(value, (key, inner: unknown) => (isSecret(key) && !isSecretFile(key) ? '…' : inner));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
