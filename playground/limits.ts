/** The fixed bounds of a playground. */
export const databaseHostsMax = 32;
export const redisServersMax = 16;
export const cachesMax = 64;
/**
 * How long to wait for another process that starts or stops the same playground. The slowest start installs packages.
 */
export const lockWaitMs = 60_000;
