import { generateKeyPair, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type forgeModule from 'node-forge';
import type { pki } from 'node-forge';
import { RoostError } from '../core/index.js';

export interface CertificateOptions {
  /** The folder of the files. Created if absent. */
  readonly dir: string;
  /** Names and addresses of the servers; the server certificate covers all of them. */
  readonly hosts: readonly string[];
  /** Names of clients; each gets a certificate of its own, with its name as the common name. */
  readonly clients?: readonly string[];
  /** For how long certificates are valid. */
  readonly days: number;
}

/** PEM files. Files that hold a key are readable by their owner only. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly clients: Readonly<Record<string, { readonly certFile: string; readonly keyFile: string }>>;
  /** Whether the authority was created by this call. */
  readonly newAuthority: boolean;
}

const authorityDays = 3_650;
/** The clocks of machines that check a new certificate may be behind. */
const backdatedMs = 3_600_000;

/**
 * Creates an authority for development, and its certificates for servers and clients. An authority already in the
 * folder stays, so that a second call replaces certificates and no client has to trust a new authority. The
 * authority's key is in the folder: nothing important may trust it. Throws `FailedPrecondition` if the folder cannot
 * be used.
 */
export async function makeDevelopmentCertificates({
  dir,
  hosts,
  clients = [],
  days,
}: CertificateOptions): Promise<CertificateFiles> {
  const path = (name: string): string => join(dir, name);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const newAuthority = !existsSync(path('ca.key'));
    if (newAuthority) await makeAuthority(path('ca.pem'), path('ca.key'));
    const make = async (name: string, subject: CertificateSubject) => {
      const files = { certFile: path(`${name}.pem`), keyFile: path(`${name}.key`) };
      await issue(readFileSync(path('ca.pem'), 'utf8'), readFileSync(path('ca.key'), 'utf8'), files, subject);
      return files;
    };
    const server = await make('server', { commonName: 'roost server', hosts, days });
    const made: Record<string, typeof server> = {};
    for (const client of clients) made[client] = await make(client, { commonName: client, hosts: [], days });
    return { caFile: path('ca.pem'), server, clients: made, newAuthority };
  } catch (error) {
    throw new RoostError('FailedPrecondition', `cannot make certificates in ${dir}: ${(error as Error).message}`, {
      fields: { dir },
      cause: error,
    });
  }
}

interface CertificateSubject {
  readonly commonName: string;
  readonly hosts: readonly string[];
  readonly days: number;
}

async function makeAuthority(certFile: string, keyFile: string): Promise<void> {
  const { pki } = await forge();
  const keys = await newKeys();
  const certificate = blank(pki, keys.publicKey, authorityDays);
  // A client may trust several authorities at a time; names tell them apart.
  const name = [{ name: 'commonName', value: `Roost development authority ${randomBytes(4).toString('hex')}` }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  await sign(certificate, keys.privateKey);
  write(certFile, pki.certificateToPem(certificate), 0o644);
  write(keyFile, keys.privateKey, 0o600);
}

async function issue(
  caCertificate: string,
  caKey: string,
  { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
  { commonName, hosts, days }: CertificateSubject,
): Promise<void> {
  const { pki } = await forge();
  const keys = await newKeys();
  const certificate = blank(pki, keys.publicKey, days);
  certificate.setSubject([{ name: 'commonName', value: commonName }]);
  certificate.setIssuer(pki.certificateFromPem(caCertificate).subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    // A server is a client too: of other servers, and of their databases.
    { name: 'extKeyUsage', serverAuth: hosts.length > 0, clientAuth: true },
    ...(hosts.length === 0
      ? []
      : [
          {
            name: 'subjectAltName',
            altNames: hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host })),
          },
        ]),
  ]);
  await sign(certificate, caKey);
  write(keyFile, keys.privateKey, 0o600);
  write(certFile, pki.certificateToPem(certificate), 0o644);
}

function blank({ createCertificate, publicKeyFromPem }: typeof pki, publicKey: string, days: number): pki.Certificate {
  const certificate = createCertificate();
  certificate.publicKey = publicKeyFromPem(publicKey);
  // The first bit is 0: serial numbers are positive.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  const nowMs = Date.now();
  certificate.validity.notBefore = new Date(nowMs - backdatedMs);
  certificate.validity.notAfter = new Date(nowMs + days * 86_400_000);
  return certificate;
}

async function sign(certificate: pki.Certificate, key: string): Promise<void> {
  const { md, pki } = await forge();
  certificate.sign(pki.privateKeyFromPem(key), md.sha256.create());
}

/** Loaded only when certificates are created. */
const forge = async (): Promise<typeof forgeModule> => (await import('node-forge')).default;

/** Node creates keys a hundred times faster than the library. */
const newKeys = (): Promise<{ readonly publicKey: string; readonly privateKey: string }> =>
  promisify(generateKeyPair)('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

/** Writes a file so that it is complete at every moment. */
function write(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}
