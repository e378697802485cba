import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { servedNames, type Store } from '../cluster/index.js';
import {
  type PlaygroundSource,
  readPlayground,
  type RedisFsync,
  type ServerStatus,
  startPlayground,
  stopPlayground,
} from '../playground/index.js';
import type { CliIo } from './console/cliIo.js';
import { type CommonOptions, defineCommand, defineGroup, integerArgument, outputFor } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { stopServerProcess } from './serverProcess.js';

interface DirOptions extends CommonOptions {
  readonly dir: string;
}

interface StartOptions extends DirOptions {
  readonly hosts?: number;
  readonly caches?: number;
  readonly fsync?: RedisFsync;
  readonly source?: PlaygroundSource | 'auto';
  readonly tls?: true;
}

interface StopOptions extends DirOptions, ConfirmOptions {
  readonly keepData?: true;
}

export function addPlaygroundCommands(program: Command, io: CliIo): void {
  const playground = defineGroup(
    program,
    'playground',
    'private database, Redis and memcached servers on this machine',
  );
  const dirOption = () => new Option('--dir <dir>', 'where they keep everything').default('.roost');

  defineCommand(
    playground,
    'start',
    'start the servers, and write a configuration for them',
    'roost playground start --hosts 2 --caches 2',
  )
    .addOption(dirOption())
    .option('--hosts <count>', 'database hosts (2 when new)', integerArgument(1, 32))
    .option('--caches <count>', 'memcached servers (2 when new)', integerArgument(0, 64))
    .addOption(
      new Option('--fsync <when>', 'when Redis writes its log to the disk (always when new)').choices([
        'always',
        'everysec',
        'no',
      ]),
    )
    .addOption(
      new Option('--source <source>', 'binaries of this machine, containers, or whichever is there').choices([
        'auto',
        'binaries',
        'containers',
      ]),
    )
    .option('--tls', 'encrypt every connection, those to our own servers too')
    .action(async (options: StartOptions) => {
      const { dir, configPath, serverVersion } = await startPlayground({
        dir: resolve(io.workingFolder, options.dir),
        ...neededBy(io.stores),
        ...(options.hosts === undefined ? {} : { databaseHosts: options.hosts }),
        ...(options.caches === undefined ? {} : { caches: options.caches }),
        ...(options.fsync === undefined ? {} : { redisFsync: options.fsync }),
        ...(options.source === undefined ? {} : { source: options.source }),
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      });
      const status = await readPlayground(dir);
      const output = outputFor(io, options);
      // Commands find the configuration without a flag only at its default path.
      const configFlag = dirFlag(options) === '' ? '' : ` --config ${configPath}`;
      output.result(status, () =>
        [
          `${output.green('running')} ${serverVersion} in ${dir}`,
          output.table(serverColumns, serverRows(status.servers)),
          `configuration: ${configPath}`,
          `next: roost graph create follows${configFlag}, roost serve${configFlag}; roost playground stop${dirFlag(options)} ends it`,
        ].join('\n'),
      );
    });

  defineCommand(playground, 'status', 'show what runs', 'roost playground status')
    .addOption(dirOption())
    .action(async (options: DirOptions) => {
      const status = await readPlayground(resolve(io.workingFolder, options.dir));
      const output = outputFor(io, options);
      output.result(status, () =>
        [
          `${status.phase} ${status.serverVersion ?? ''} in ${status.dir}`,
          output.table(serverColumns, serverRows(status.servers)),
        ].join('\n'),
      );
    });

  defineCommand(playground, 'stop', 'stop the servers and remove their data', 'roost playground stop --yes')
    .addOption(dirOption())
    .option('--keep-data', 'keep the data, for a later start in the same folder')
    .addOption(yesOption())
    .action(async (options: StopOptions) => {
      const dir = resolve(io.workingFolder, options.dir);
      // Fails before the user is asked, if there is no playground.
      await readPlayground(dir);
      if (options.keepData !== true)
        await confirm(io, options, `stop the playground in ${options.dir}`, [
          'its servers end and their data are removed; --keep-data keeps them',
        ]);
      // A quickstart with --keep leaves a server of ours beside the databases; the server stops first, so that it can
      // hand back its jobs.
      await stopServerProcess(dir);
      await stopPlayground(dir, options.keepData === true ? { keepData: true } : {});
      const keptData = options.keepData === true;
      outputFor(io, options).result(
        { dir, keptData },
        () => `stopped the playground in ${dir}${keptData ? '; its data are kept' : ''}`,
      );
    });
}

/** The parts of a playground that some stores need: a port for each service, and Redis servers. */
export const neededBy = (stores: readonly Store[]) => ({
  services: servedNames(stores),
  redisSections: stores.flatMap(({ redisSection }) => redisSection ?? []),
});

const dirFlag = ({ dir }: DirOptions): string => (dir === '.roost' ? '' : ` --dir ${dir}`);

const serverColumns = ['server', 'kind', 'address', 'pid', 'state'] as const;
const serverRows = (servers: readonly ServerStatus[]): string[][] =>
  servers.map(({ name, kind, host, port, pid, alive }) => [
    name,
    kind,
    `${host}:${port}`,
    pid === undefined ? '' : String(pid),
    alive ? 'running' : 'stopped',
  ]);
