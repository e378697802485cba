import { Command, CommanderError } from 'commander';
import { otherVariables } from '../process/index.js';
import type { CliIo } from './console/cliIo.js';
import { ownOptionsFirst } from './console/command.js';
import { EndWith, exitCodes, findingsExitCode, usageExitCode } from './console/exitCodes.js';
import { showFirstCommands } from './console/firstCommands.js';
import { toJson } from './console/output.js';
import { packageVersion } from './console/packageVersion.js';
import { reportError } from './console/reportError.js';
import { forTerminal } from './console/visible.js';
import { addAccessCommands } from './access.js';
import { addAuditCommands } from './audit.js';
import { addBackupCommands } from './backup.js';
import { addCacheCommands } from './cache.js';
import { addCheckCommand } from './check.js';
import { groupCommands } from './commandGroups.js';
import { addCompletionCommand } from './completion.js';
import { addCertsCommand } from './certs.js';
import { addDoctorCommand } from './doctor.js';
import { addForwardingCommands } from './forwarding.js';
import { addGrantsCommand } from './grants.js';
import { addHostCommands } from './host.js';
import { addJobCommands } from './job.js';
import { addJournalCommands } from './journal.js';
import { addLinkCommands } from './link.js';
import { addMetricsCommands } from './metrics.js';
import { addNameserverCommands } from './nameserver.js';
import { addPingCommand } from './ping.js';
import { addMigrationCommands } from './migrations.js';
import { addPlaygroundCommands } from './playground.js';
import { addQuickstartCommand } from './quickstart.js';
import { addUpgradeCommand } from './upgrade.js';
import { addReloadCommand } from './reload.js';
import { addReportCommand } from './report.js';
import { addRestoreCommand } from './restore.js';
import { addServeCommand } from './serve.js';
import { addTopCommand } from './top.js';
import { addTopologyCommand } from './topology.js';
import { addTransformCommands } from './transform.js';
import { addShardCommands } from './shard.js';

/** The whole command tree, with the commands of the stores. Help texts, their tests and docs/cli/ come from it. */
export function buildProgram(io: CliIo, json = false): Command {
  const program = new Command('roost')
    .description('The storage layer under a Twitter: a social graph in sharded MySQL.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ visibleOptions: ownOptionsFirst })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) =>
        write(json ? `${toJson({ error: { code: 'Usage', message: text.trim() } })}\n` : forTerminal(text)),
      getOutHelpWidth: () => helpWidth(io.stdout.columns),
      getErrHelpWidth: () => helpWidth(io.stderr.columns),
      getOutHasColors: () => io.stdout.isTTY === true && io.environment['TERM'] !== 'dumb',
      getErrHasColors: () => io.stderr.isTTY === true && io.environment['TERM'] !== 'dumb',
    })
    .addHelpText('after', `\n${environmentHelp}\n\n${exitCodeHelp}`);
  if (!json) program.showHelpAfterError('Add --help to see how it is used.');
  addQuickstartCommand(program, io);
  addPlaygroundCommands(program, io);
  addCertsCommand(program, io);
  addServeCommand(program, io);
  program.commandsGroup('Data:');
  for (const store of io.stores) store.commands?.(program, io);
  program.commandsGroup('');
  addCacheCommands(program, io);
  addTopologyCommand(program, io);
  addTransformCommands(program, io);
  addMigrationCommands(program, io);
  addDoctorCommand(program, io);
  addCheckCommand(program, io);
  addShardCommands(program, io);
  addLinkCommands(program, io);
  addForwardingCommands(program, io);
  addHostCommands(program, io);
  addGrantsCommand(program, io);
  addJobCommands(program, io);
  addJournalCommands(program, io);
  addBackupCommands(program, io);
  addRestoreCommand(program, io);
  addReportCommand(program, io);
  addMetricsCommands(program, io);
  addAccessCommands(program, io);
  addAuditCommands(program, io);
  addNameserverCommands(program, io);
  addUpgradeCommand(program, io);
  addReloadCommand(program, io);
  addPingCommand(program, io);
  addTopCommand(program, io);
  addCompletionCommand(program, io);
  groupCommands(program);
  return program;
}

/** Runs one command line to its end and returns the exit code. Never throws. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  const json = args.includes('--json');
  if (args.length === 0) {
    showFirstCommands(io);
    return 0;
  }
  try {
    await buildProgram(io, json).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof EndWith) return error.exitCode;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    const verbose = args.includes('--verbose') || io.environment['ROOST_DEBUG'] !== undefined;
    return reportError(error, io, { json, verbose });
  }
}

const helpWidth = (columns = 100): number => Math.min(columns, 120);

const environmentHelp = `Environment:
  A variable overrides a key of the configuration: ROOST__SERVER__ADMIN_PORT is server.adminPort.
  Options override both. Apart from keys there are
${Object.entries(otherVariables)
  .map(([name, what]) => `  ${name.padEnd(22)} ${what}`)
  .join('\n')}`;

const exitCodeHelp = `Exit codes:
${[
  [0, 'done'],
  [usageExitCode, 'wrong usage'],
  [findingsExitCode, 'roost doctor found something'],
  ...Object.entries(exitCodes).map(([code, exit]) => [exit, code]),
  [130, 'stopped by Ctrl-C'],
]
  .map(([exit, what]) => `  ${String(exit).padEnd(3)} ${what}`)
  .join('\n')}`;
