import { type ConfigPath, type KeySchema, keysBelow, keySchema, valueFromText, valueKeys } from './configKeys.js';
import { groupBy, RoostError } from '../core/index.js';
import { suggest } from './suggest.js';

/** A value that overrides the file's. */
export interface ConfigOverride {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** Its origin for messages: an environment variable or an option. */
  readonly source: string;
}

/** Variables that begin with ROOST_ and are no keys of the configuration. */
export const otherVariables = {
  ROOST_CONFIG: 'the path of the configuration file',
  ROOST_DEBUG: 'when set, errors of the command line come with their stack and causes',
  'ROOST_<NAME>_PORT': 'what docker-compose.yml publishes server.<name>Port as',
  ROOST_DATABASE_PASSWORD: 'the password of the databases that docker-compose.yml starts',
  ROOST_LONG: 'set while the long tests run',
  ROOST_MYSQL_IMAGE: 'the image of the databases of a playground in containers',
  ROOST_REDIS_IMAGE: 'the image of the Redis of a playground in containers',
  ROOST_MEMCACHED_IMAGE: 'the image of the caches of a playground in containers',
} as const;

/** Variables of the tests, of scripts, and of the processes of a server; the configuration does not look at them. */
const foreignPrefixes = [
  'ROOST_TEST_',
  'ROOST_SERVE_',
  'ROOST_BENCH_',
  'ROOST_PLAYGROUND_',
  'ROOST_FLOCKDB_CLIENT',
] as const;

/**
 * The variable of a key: `server.flockPort` is `ROOST__SERVER__FLOCK_PORT`. Kubernetes sets variables for its
 * Services, such as ROOST_REDIS_PORT=tcp://10.0.0.7:6379 for roost-redis, but never with two underscores, since names
 * of Services have neither.
 */
export const variableName = (path: ConfigPath): string => `ROOST__${path.map(inCapitals).join('__')}`;

/** The form of release 0.1. */
const oldVariableName = (path: ConfigPath): string => `ROOST_${path.map(inCapitals).join('_')}`;

const inCapitals = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();

export interface EnvironmentOverrides {
  readonly overrides: readonly ConfigOverride[];
  /** About variables that were not read, or have an old name. */
  readonly warnings: readonly string[];
}

/**
 * Reads the variables that override keys. Lists are separated by commas. Keys of a database host use its name in the
 * file: `ROOST__DATABASE_HOSTS__HOST1__PASSWORD`. Variables that name no key are ignored with a warning: anybody may
 * set them. Throws `InvalidArgument` for one that could mean two keys.
 */
export function environmentOverrides(
  environment: NodeJS.ProcessEnv,
  hostNames: readonly string[],
  keys?: KeySchema,
): EnvironmentOverrides {
  const [paths, oldPaths] = [pathsByName(variableName, hostNames, keys), pathsByName(oldVariableName, hostNames, keys)];
  const [overrides, outdated]: [ConfigOverride[], ConfigOverride[]] = [[], []];
  // Variables of docker-compose.yml.
  const published = new Set(keysBelow(['server'], keys).map((key) => `ROOST_${inCapitals(key)}`));
  const warnings: string[] = [];
  const unread: string[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || !isOverride(name) || published.has(name)) continue;
    const old = paths.get(name) === undefined;
    const [path, second] = (old ? oldPaths : paths).get(name) ?? [];
    if (path === undefined || (old && addressOfService.test(text))) {
      const meant = path === undefined && name.startsWith('ROOST__') ? suggest(name, [...paths.keys()]) : undefined;
      unread.push(meant === undefined ? name : `${name} (did you mean ${meant}?)`);
      continue;
    }
    if (second !== undefined) {
      throw new RoostError(
        'InvalidArgument',
        `environment variable ${name} could mean ${path.join('.')} or ${second.join('.')}: set the key in the file`,
        {
          fields: { variable: name },
        },
      );
    }
    if (old) warnings.push(`environment variable ${name} is named ${variableName(path)} now`);
    (old ? outdated : overrides).push({
      path,
      value: valueFromText(keySchema(path, keys) ?? {}, text),
      source: `environment variable ${name}`,
    });
  }
  if (unread.length > 0) warnings.push(`not read, since they name no key of the configuration: ${unread.join(', ')}`);
  return { overrides: [...outdated, ...overrides], warnings };
}

/** The value that Kubernetes gives to the variable of a Service's port. */
const addressOfService = /^(tcp|udp|sctp):\/\//;

function pathsByName(
  nameOf: (path: ConfigPath) => string,
  hostNames: readonly string[],
  keys: KeySchema | undefined,
): ReadonlyMap<string, readonly ConfigPath[]> {
  return groupBy(valueKeys(hostNames, keys), nameOf);
}

/** The environment without overriding variables, for a process that takes its configuration from the file alone. */
export const withoutOverrides = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !isOverride(name)));

const isOverride = (name: string): boolean =>
  name.startsWith('ROOST_') &&
  !Object.hasOwn(otherVariables, name) &&
  !foreignPrefixes.some((prefix) => name.startsWith(prefix));
