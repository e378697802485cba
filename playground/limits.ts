/** The fixed bounds of a playground. */
export const databaseHostsMax = 32;
export const redisServersMax = 16;
export const cachesMax = 64;
/** How long to wait for another process that starts or stops the same playground. A start that installs packages takes longest. */
export const lockWaitMs = 60_000;
