import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { makeDevelopmentCertificates } from '../playground/index.js';
import type { CliIo } from './console/cliIo.js';
import { type CommonOptions, defineCommand, integerArgument, nameListArgument, outputFor } from './console/command.js';

interface CertsOptions extends CommonOptions {
  readonly dir: string;
  readonly hosts: readonly string[];
  readonly clients: readonly string[];
  readonly days: number;
}

export function addCertsCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'certs',
    'make an authority for development, and certificates of it\nAn authority that is in the folder stays: the same command again replaces the certificates, and servers show the new ones without a restart. Its key lies beside it, so that nothing that matters must trust it.',
    'roost certs --hosts localhost,127.0.0.1 --clients web,operator',
  )
    .option('--dir <dir>', 'where the files go', 'certs')
    .option('--hosts <names>', 'names and addresses of the servers', nameListArgument, [
      'localhost',
      '127.0.0.1',
      '::1',
    ])
    .option('--clients <names>', 'clients that get a certificate each, under their name', nameListArgument, ['client'])
    .option('--days <days>', 'for how long certificates are valid', integerArgument(1, 3_650), 365)
    .action(async ({ dir, hosts, clients, days, ...common }: CertsOptions) => {
      const made = await makeDevelopmentCertificates({ dir: resolve(io.workingFolder, dir), hosts, clients, days });
      const shown = (path: string): string => relative(io.workingFolder, path);
      const [client = { certFile: '', keyFile: '' }] = Object.values(made.clients);
      outputFor(io, common).result(made, () =>
        [
          `${made.newAuthority ? 'made an authority' : 'took the authority'} in ${shown(made.caFile)}, and certificates for ${['the servers', ...clients].join(', ')}`,
          'in the configuration of servers:',
          `  "tls": ${JSON.stringify({ caFile: made.caFile, ...made.server, clientCaFile: made.caFile })}`,
          ...(client.certFile === ''
            ? []
            : [
                'for a command elsewhere:',
                `  roost … --server host:port --tls-ca ${shown(made.caFile)} --tls-cert ${shown(client.certFile)} --tls-key ${shown(client.keyFile)}`,
              ]),
        ].join('\n'),
      );
    });
}
