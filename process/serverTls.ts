import type { Server, TlsOptions } from 'node:tls';
import { RoostError } from '../core/index.js';
import type { Log } from './log.js';
import type { OwnTlsConfig } from './tlsConfig.js';
import { readTls } from './tlsOf.js';

/** Files are checked at most this often, however many connections are made. */
const lookEveryMs = 1_000;

/**
 * The certificates of a process's ports. Replaced files are noticed at the next connection, a second later at most:
 * no port is reopened, and existing connections stay. While the files do not match, as during a replacement, the
 * previous ones are used.
 */
export class ServerTls {
  #files: ReturnType<typeof readTls>;
  #version = 0;
  #lookedMs = performance.now();

  /** Throws `FailedPrecondition` if a file is unusable. */
  constructor(
    private readonly config: OwnTlsConfig,
    private readonly log: Log,
  ) {
    if (config.certFile === undefined)
      throw new RoostError(
        'FailedPrecondition',
        'a server that encrypts needs a certificate: set `tls.certFile` and `tls.keyFile` (`roost certs` makes some for development)',
      );
    this.#files = this.#read();
  }

  /** Whether clients must show a certificate: `tls.clientCaFile` is set. */
  get mutual(): boolean {
    return this.config.clientCaFile !== undefined;
  }

  /** For a TLS server. */
  get options(): TlsOptions {
    return { ...this.#files, requestCert: this.mutual, rejectUnauthorized: this.mutual };
  }

  /** Makes a server use the newest certificate for every new client. */
  follow(server: Server): void {
    let shown = this.#version;
    server.prependListener('connection', () => {
      this.#look();
      if (shown === this.#version) return;
      shown = this.#version;
      server.setSecureContext(this.#files);
    });
  }

  #look(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs < lookEveryMs) return;
    this.#lookedMs = nowMs;
    try {
      const files = this.#read();
      if (Object.entries(files).every(([name, text]) => this.#files[name as keyof typeof files] === text)) return;
      this.#files = files;
      this.#version++;
      this.log.info({ files: Object.values(this.config).join(', ') }, 'new certificates are in use');
    } catch (error) {
      this.log.warn({ err: error }, 'the certificate files cannot be read; the last certificates stay in use');
    }
  }

  #read(): ReturnType<typeof readTls> {
    const { clientCaFile: caFile, certFile, keyFile } = this.config;
    return readTls({ caFile, certFile, keyFile });
  }
}
