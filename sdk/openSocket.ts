import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isLoopback, RoostError, tlsTrouble, type Deadline } from '../core/index.js';
import type { ServerAddress } from './address.js';

/**
 * Connects. Throws `Unavailable` where no connection comes about before the deadline, `FailedPrecondition` where the server's certificate, or ours, does not do, and `InvalidArgument` where the
 * connection would leave this machine in the clear though nobody asked for that.
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
    // Another one may follow while it is closed.
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

/** The error of a setup that does not go together, which no retry cures; undefined for any other. */
export function refusedTls(server: string, error: unknown): RoostError | undefined {
  const trouble = tlsTrouble(error);
  if (trouble === undefined) return undefined;
  return new RoostError('FailedPrecondition', `server ${server}: ${trouble}`, {
    cause: error,
    fields: { server, tls: (error as NodeJS.ErrnoException).code ?? 'refused' },
  });
}
