import type { OpenTelemetry } from '../core/index.js';
import type { Log } from './log.js';

/** Where copies of OpenTelemetry's API 1 find what an SDK has registered. */
const registered = Symbol.for('opentelemetry.js.api.1');

/**
 * OpenTelemetry's API if an SDK has been registered in this process, as a module of `node --import` does. Otherwise
 * undefined, and nothing is loaded.
 */
export async function registeredOpenTelemetry(log: Log): Promise<OpenTelemetry | undefined> {
  if (!(registered in globalThis)) return undefined;
  try {
    return await import('@opentelemetry/api');
  } catch (err) {
    log.warn(
      { err },
      'traces end here: OpenTelemetry is registered, but @opentelemetry/api is not installed beside roostdb',
    );
    return undefined;
  }
}
