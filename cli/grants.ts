import type { Command } from 'commander';
import { databaseAccounts, grantStatements, type DatabaseAccount } from '../mysql/index.js';
import type { CliIo } from './console/cliIo.js';
import { argument, type ConfigOptions, configOption, defineCommand, openConfig, outputFor } from './console/command.js';
import { RoostError } from '../core/index.js';

interface GrantsOptions extends ConfigOptions {
  readonly prefix: string;
  readonly from: string;
}

/** A part of a SQL statement that is safe between quotes. */
const part = (what: string, pattern: RegExp) =>
  argument((text: string): string => {
    if (pattern.test(text)) return text;
    throw new RoostError('InvalidArgument', `${what} ${JSON.stringify(text)} holds other characters than it may`);
  });

export function addGrantsCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'grants',
    'print the least rights that accounts need on the database hosts, as SQL\nRun it on every database host as an account that may grant. It makes no accounts: the lines that do are comments, as each needs a password of its own.',
    'roost grants --prefix roost --from 10.0.0.%',
  )
    .option('--prefix <name>', 'begins the names of the accounts', part('the prefix', /^[A-Za-z0-9_]{1,24}$/), 'roost')
    .option('--from <host>', 'where the accounts may log in from', part('the host', /^[A-Za-z0-9.:%_-]{1,255}$/), '%')
    .addOption(configOption())
    .action(({ prefix, from, ...options }: GrantsOptions) => {
      const { cluster } = openConfig(io, options).config;
      const accounts = (Object.keys(databaseAccounts) as DatabaseAccount[]).map((account) => {
        const user = `'${prefix}_${account}'@'${from}'`;
        return { account, user, statements: grantStatements(cluster, account, user) };
      });
      outputFor(io, options).result({ cluster, accounts }, () =>
        accounts
          .map(({ account, user, statements }) =>
            [
              `-- ${databaseAccounts[account]}`,
              `-- CREATE USER ${user} IDENTIFIED BY '...' REQUIRE SSL;`,
              ...statements,
            ].join('\n'),
          )
          .join('\n\n'),
      );
    });
}
