import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { serverReadySchema, type ServerReady } from '../cli/serverReady.js';
import { roostMain } from './runRoost.js';

/** `roost serve` in a process of its own. */
export interface ServeProcess {
  readonly ready: ServerReady;
  /** The ports, as the configuration of a client. */
  readonly ports: Record<string, number>;
  stop(): Promise<void>;
}

/** Starts the compiled server, and resolves when it accepts requests. Its log goes to the test's log. */
export async function startServeProcess(
  configPath: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<ServeProcess> {
  const server = spawn(process.execPath, [roostMain, 'serve', '--json', '--config', configPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const ready = serverReadySchema.parse(JSON.parse(line));
    return {
      ready,
      ports: {
        flockPort: ready.flock.port,
        managerPort: ready.manager.port,
        tbirdPort: ready.tbird.port,
        usersPort: ready.users.port,
        adminPort: ready.admin.port,
      },
      async stop() {
        server.kill('SIGTERM');
        if (server.exitCode === null) await once(server, 'exit');
      },
    };
  }
  throw new Error('the server ended before it took requests');
}
