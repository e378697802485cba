/** Memory of one cache node. */
const memoryMiB = 64;

export const memcachedArguments = (port: number): string[] => [
  ...['-l', '127.0.0.1'],
  ...['-p', String(port)],
  ...['-U', '0'],
  ...['-m', String(memoryMiB)],
  // Without it memcached refuses to run as root.
  ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
];
