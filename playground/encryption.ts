import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDevelopmentCertificates } from './developmentCertificates.js';

const client = 'client';
const days = 3_650;

/** The files of an encrypted playground: one authority for servers and clients. */
export interface Encryption {
  readonly caFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly client: { readonly certFile: string; readonly keyFile: string };
}

export const encryptionIn = (dir: string): Encryption => {
  const files = (name: string) => ({ certFile: join(dir, `${name}.pem`), keyFile: join(dir, `${name}.key`) });
  return { caFile: join(dir, 'ca.pem'), server: files('server'), client: files(client) };
};

/** Creates the certificates if there are none. */
export async function prepareEncryption(dir: string): Promise<void> {
  const { client: last } = encryptionIn(dir);
  if (existsSync(last.certFile)) return;
  await makeDevelopmentCertificates({ dir, hosts: ['localhost', '127.0.0.1', '::1'], clients: [client], days });
}

/** The TLS options of a probe. */
export const clientOptions = ({ caFile, client: { certFile, keyFile } }: Encryption) => ({
  ca: readFileSync(caFile, 'utf8'),
  cert: readFileSync(certFile, 'utf8'),
  key: readFileSync(keyFile, 'utf8'),
});
