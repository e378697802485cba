import type { ServerKind } from './state.js';

export const canInstall = (): boolean => false;
export const installServers = (_missing: readonly ServerKind[]): Promise<void> => Promise.resolve();
