import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isLoopback, RoostError, tlsTrouble, type Deadline } from '../core/index.js';
import type { ServerAddress } from './address.js';

/**
 * Opens a connection. Throws `Unavailable` if none is established before the deadline, `FailedPrecondition` if a
 * certificate is not accepted, and `InvalidArgument` for an unencrypted connection beyond loopback that nobody asked
 * for.
 */
export async function openSocket({ host, port, tls }: ServerAddress, deadline: Deadline): Promise<Socket> {
  const server = `${host}:${port}`;
  if (tls === undefined && !isLoopback(host))
    throw new RoostError(
      'InvalidArgument',
      `server ${server} is not on loopback, and the connection would not be encrypted: give \`tls\`, or \`tls: false\` on a network that is trusted`,
      { fields: { argument: 'tls', server } },
    );
  const encrypted = typeof tls === 'function' ? tls() : tls;
  const socket = encrypted ? connectTls({ ...encrypted, host, port }) : connectPlain({ host, port });
  const ready = encrypted ? 'secureConnect' : 'connect';
  const timeoutMs = deadline.remainingMs();
  let stop = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const onClose = (): void => reject(new Error('the server closed the connection'));
      const timer = setTimeout(() => reject(new Error(`no answer for ${Math.ceil(timeoutMs)} ms`)), timeoutMs);
      socket.once(ready, resolve).once('error', reject).once('close', onClose);
      stop = () => {
        clearTimeout(timer);
        socket.off(ready, resolve).off('error', reject).off('close', onClose);
      };
    });
  } catch (error) {
    // A further error may follow while the socket is being closed.
    socket.on('error', () => undefined).destroy();
    throw (
      refusedTls(server, error) ??
      new RoostError('Unavailable', `server ${server}: cannot connect: ${(error as Error).message}`, {
        cause: error,
        fields: { server },
      })
    );
  } finally {
    stop();
  }
  return socket;
}

/** The error of TLS settings that do not match, which no retry cures; undefined for any other error. */
export function refusedTls(server: string, error: unknown): RoostError | undefined {
  const trouble = tlsTrouble(error);
  if (trouble === undefined) return undefined;
  return new RoostError('FailedPrecondition', `server ${server}: ${trouble}`, {
    cause: error,
    fields: { server, tls: (error as NodeJS.ErrnoException).code ?? 'refused' },
  });
}
