import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import {
  editAccessFile,
  newToken,
  permissionOf,
  readAccessFile,
  roles,
  type AccessRules,
  type Grant,
  type IdentitySettings,
  type Role,
} from '../access/index.js';
import { servicesOf } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  defineGroup,
  nameListArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';

interface FileOptions extends ConfigOptions {
  readonly file?: string;
}

interface NewOptions extends FileOptions {
  readonly role?: readonly Role[];
  readonly service?: readonly string[];
  readonly graph?: readonly string[];
}

export function addAccessCommands(program: Command, io: CliIo): void {
  const access = defineGroup(program, 'access', 'say who may call what, and make tokens');
  const token = defineGroup(access, 'token', 'make, list and revoke tokens');
  const define = (parent: Command, name: string, description: string, example: string): Command =>
    defineCommand(parent, name, description, example)
      .option('--file <file>', 'the file of identities (overrides access.file)')
      .addOption(configOption());

  define(
    token,
    'new',
    'make a token of an identity, and print it: it is kept nowhere\nServers read the file anew within a second. An identity that is new gets the roles that the options say; those of one that is there stand in the file.',
    'roost access token new web --role read,write --service flock --graph follows',
  )
    .argument('<name>', 'whose token it is')
    .option('--role <role,...>', `of a new identity: ${roles.join(', ')}`, rolesArgument)
    .option('--service <name,...>', 'only on these stores, or manager, injector, metrics', nameListArgument)
    .option('--graph <name,...>', 'only on these graphs', nameListArgument)
    .action((name: string, options: NewOptions) => {
      const file = accessFile(io, options);
      const { text, record } = newToken();
      editAccessFile(file, ({ identities }) => {
        const known = identities[name];
        if (known !== undefined && options.role !== undefined)
          throw new RoostError('AlreadyExists', `${name} is in ${file} already, with its grants: edit them there`, {
            fields: { file, identity: name },
          });
        const settings = (identities[name] = known ?? { grants: grantsOf(options) });
        settings.tokens = [...(settings.tokens ?? []), record];
      });
      outputFor(io, options).result({ identity: name, id: record.id, token: text }, () => text);
      if (options.json !== true)
        io.stderr.write(`token ${record.id} of ${name}: keep it now, since nobody can show it again\n`);
    });

  define(token, 'list', 'list tokens by their ids', 'roost access token list').action((options: FileOptions) => {
    const { identities } = readAccessFile(accessFile(io, options));
    const tokens = Object.entries(identities).flatMap(([identity, settings]) =>
      settings.tokens.map(({ id, createdAt }) => ({ identity, id, createdAt })),
    );
    const output = outputFor(io, options);
    output.result({ tokens }, () =>
      tokens.length === 0
        ? 'there are no tokens'
        : output.table(
            ['token', 'identity', 'made'],
            tokens.map(({ id, identity, createdAt }) => [id, identity, createdAt]),
          ),
    );
  });

  define(
    token,
    'revoke',
    'take a token out: it opens no connection any more\nServers read the file anew within a second. They answer the calls in work of connections that showed it, for some seconds, and close them.',
    'roost access token revoke k3f9x2ab',
  )
    .argument('<id>', 'as `roost access token list` shows it: the part of the token behind roost_')
    .addOption(yesOption())
    .action(async (id: string, options: FileOptions & ConfirmOptions) => {
      const file = accessFile(io, options);
      const identity = Object.entries(readAccessFile(file).identities).find(([, { tokens }]) =>
        tokens.some((known) => known.id === id),
      )?.[0];
      if (identity === undefined)
        throw new RoostError('NotFound', `${file} has no token ${JSON.stringify(id)}`, { fields: { file } });
      await confirm(io, options, `revoke token ${id} of ${identity}`, ['connections that showed it are closed']);
      editAccessFile(file, ({ identities }) => {
        const settings = identities[identity];
        if (settings !== undefined) settings.tokens = settings.tokens?.filter((known) => known.id !== id) ?? [];
      });
      outputFor(io, options).result({ identity, revoked: id }, () => `revoked token ${id} of ${identity}`);
    });

  define(
    access,
    'check',
    'show who may do what\nReads the file as a server would, and says what is wrong with it. With a name, the methods that the identity may call.',
    'roost access check web',
  )
    .argument('[name]', 'an identity')
    .action((name: string | undefined, options: FileOptions) => {
      const rules = readAccessFile(accessFile(io, options));
      if (name === undefined) showAll(io, options, rules);
      else showOne(io, options, rules, name);
    });
}

function showAll(io: CliIo, options: FileOptions, { identities }: AccessRules): void {
  const output = outputFor(io, options);
  const shown = Object.entries(identities).map(([identity, settings]) => ({
    identity,
    grants: settings.grants,
    tokens: settings.tokens.map(({ id }) => id),
    certificates: settings.certificates,
    networks: settings.networks,
    limits: limitsOf(settings),
  }));
  output.result(
    { identities: shown },
    () =>
      shown.length === 0
        ? 'there are no identities: nobody may call anything'
        : output.table(
            ['identity', 'may', 'known by', 'at most'],
            shown.map((each) => [
              each.identity,
              each.grants.map(grantText).join('; ') || 'nothing',
              [...each.tokens.map((id) => `token ${id}`), ...each.certificates, ...each.networks].join(', ') ||
                'nothing',
              each.limits.join(', '),
            ]),
          ),
    shown.length === 0 ? ['roost access token new NAME --role read'] : [],
  );
}

function showOne(io: CliIo, options: FileOptions, { identities }: AccessRules, name: string): void {
  const settings = identities[name];
  if (settings === undefined)
    throw new RoostError('NotFound', `there is no identity ${JSON.stringify(name)}`, { fields: { identity: name } });
  const output = outputFor(io, options);
  const methods = servicesOf(io.stores).flatMap(({ service, roles: needs }) =>
    Object.entries(needs).flatMap(([method, need]) => {
      const permission = permissionOf(settings.grants, service, need);
      if (permission === 'none') return [];
      return [{ service, method, graphs: permission === 'all' ? undefined : [...permission.graphs] }];
    }),
  );
  output.result({ identity: name, methods }, () =>
    methods.length === 0
      ? `${name} may call nothing`
      : output.table(
          ['service', 'method', 'graphs'],
          methods.map(({ service, method, graphs }) => [service, method, graphs?.join(', ') ?? '']),
        ),
  );
}

const grantText = ({ roles: given, services, graphs }: Grant): string =>
  [
    given.join(', '),
    ...(services === undefined ? [] : [`on ${services.join(', ')}`]),
    ...(graphs === undefined ? [] : [`of ${graphs.join(', ')}`]),
  ].join(' ');

const limitsOf = ({ callsPerSecond, burst, connections }: IdentitySettings): string[] => [
  ...(callsPerSecond === undefined ? [] : [`${callsPerSecond} calls/s`]),
  ...(burst === undefined ? [] : [`${burst} at once`]),
  ...(connections === undefined ? [] : [`${connections} connections`]),
];

function grantsOf({ role, service, graph }: NewOptions): Grant[] {
  if (role === undefined) {
    if (service === undefined && graph === undefined) return [];
    throw new RoostError('InvalidArgument', '--service and --graph limit the roles that --role gives');
  }
  return [
    {
      roles: [...role],
      ...(service === undefined ? {} : { services: [...service] }),
      ...(graph === undefined ? {} : { graphs: [...graph] }),
    },
  ];
}

function rolesArgument(text: string): readonly Role[] {
  return nameListArgument(text).map((name) => {
    const found = roles.find((role) => role === name);
    if (found === undefined) throw new InvalidArgumentError(`The roles are ${roles.join(', ')}.`);
    return found;
  });
}

/** The file that an option or the configuration names. */
function accessFile(io: CliIo, options: FileOptions): string {
  if (options.file !== undefined) return resolve(io.workingFolder, options.file);
  const { config, path } = openConfig(io, options);
  if (config.access.file === undefined)
    throw new RoostError('FailedPrecondition', `${path} names no access.file: name one there, or with --file`);
  return resolve(io.workingFolder, config.access.file);
}
