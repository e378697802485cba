/** Memory of one cache node. */
const memoryMiB = 64;

/** Holds on the command line of a process and of a container alike. UDP is off. */
export const memcachedSettings: readonly string[] = ['-U', '0', '-m', String(memoryMiB)];

export const memcachedArguments = (port: number): string[] => [
  ...['-l', '127.0.0.1'],
  ...['-p', String(port)],
  ...memcachedSettings,
  // Without it memcached refuses to run as root.
  ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
];
