import { hostname } from 'node:os';

/** Who a change came from that a tool made through the manager, from an address. The wire says nothing more. */
export const managerName = (address: string): string =>
  `manager on ${hostname()} (process ${process.pid}), for ${address}`;
