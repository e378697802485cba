import { type ConfigPath, keySchema, valueFromText, valueKeys } from './configKeys.js';
import { RoostError } from './errors.js';
import { suggest } from './suggest.js';

/** A value that overrides the file's. */
export interface ConfigOverride {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** Where it comes from, for messages: an environment variable or an option. */
  readonly source: string;
}

/** Variables that begin with ROOST_ and are not keys of the configuration. */
export const otherVariables = {
  ROOST_CONFIG: 'the path of the configuration file',
  ROOST_DEBUG: 'when set, errors of the command line come with their stack and causes',
  ROOST_FLOCK_PORT: 'the port of graphs that docker-compose.yml publishes',
  ROOST_TBIRD_PORT: 'the port of tweets that docker-compose.yml publishes',
  ROOST_USERS_PORT: 'the port of users that docker-compose.yml publishes',
  ROOST_MANAGER_PORT: 'the port of the manager that docker-compose.yml publishes',
  ROOST_INJECTOR_PORT: 'the port of the job injector that docker-compose.yml publishes',
  ROOST_ADMIN_PORT: 'the admin port that docker-compose.yml publishes',
  ROOST_LONG: 'set while the long tests run',
  ROOST_MYSQL_IMAGE: 'the image of the databases of a playground in containers',
  ROOST_REDIS_IMAGE: 'the image of the Redis of a playground in containers',
  ROOST_MEMCACHED_IMAGE: 'the image of the caches of a playground in containers',
} as const;

/** Variables of the tests and of scripts; the configuration does not look at them. */
const foreignPrefixes = ['ROOST_TEST_', 'ROOST_BENCH_', 'ROOST_PLAYGROUND_', 'ROOST_FLOCKDB_CLIENT'] as const;

/** The variable of a key: `server.flockPort` is `ROOST_SERVER_FLOCK_PORT`. */
export const variableName = (path: ConfigPath): string =>
  `ROOST_${path
    .map((name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_'))
    .join('_')
    .toUpperCase()}`;

/**
 * Reads the variables that override keys. Lists are separated by commas. Keys of a database host are reached by the name that
 * the file gives it: `ROOST_DATABASE_HOSTS_HOST1_PASSWORD`. Throws `InvalidArgument` for a ROOST_ variable that is no key.
 */
export function environmentOverrides(environment: NodeJS.ProcessEnv, hostNames: readonly string[]): readonly ConfigOverride[] {
  const paths = new Map<string, ConfigPath[]>();
  for (const path of valueKeys(hostNames)) {
    const name = variableName(path);
    paths.set(name, [...(paths.get(name) ?? []), path]);
  }

  const overrides: ConfigOverride[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || !isOverride(name)) continue;
    const [path, second] = paths.get(name) ?? [];
    if (path === undefined) throw unknownVariable(name, [...paths.keys(), ...Object.keys(otherVariables)]);
    if (second !== undefined) {
      throw new RoostError('InvalidArgument', `environment variable ${name} could mean ${path.join('.')} or ${second.join('.')}: set the key in the file`, {
        fields: { variable: name },
      });
    }
    overrides.push({ path, value: valueFromText(keySchema(path) ?? {}, text), source: `environment variable ${name}` });
  }
  return overrides;
}

/** The same environment without what overrides keys: for a process whose configuration is to be taken as it stands in its file. */
export const withoutOverrides = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !isOverride(name)));

const isOverride = (name: string): boolean =>
  name.startsWith('ROOST_') && !(name in otherVariables) && !foreignPrefixes.some((prefix) => name.startsWith(prefix));

function unknownVariable(name: string, known: readonly string[]): RoostError {
  const meant = suggest(name, known);
  const hint = meant === undefined ? 'unset it' : `did you mean ${meant}?`;
  return new RoostError('InvalidArgument', `environment variable ${name} matches no key of the configuration: ${hint}`, { fields: { variable: name } });
}
