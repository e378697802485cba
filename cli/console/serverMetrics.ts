import type { Gizzard } from '../../gizzard/index.js';
import { adminPage } from './adminPage.js';
import { oncePerServer, requireAll, runningServers } from './managers.js';

const askWithinMs = 5_000;

/** The /metrics page of each running server. Throws `Unavailable` if a server does not answer. */
export async function serverMetrics(gizzard: Gizzard): Promise<readonly string[]> {
  const servers = oncePerServer(await runningServers(gizzard), 'admin');
  const failures: Parameters<typeof requireAll>[0][number][] = [];
  const pages = await Promise.all(
    servers.map(async (server) => {
      try {
        return await adminPage(server.admin!, '/metrics', askWithinMs);
      } catch (error) {
        failures.push({ server, error });
        return '';
      }
    }),
  );
  requireAll(failures);
  return pages;
}
