import { hostname } from 'node:os';

/** Who a change came from that a tool made through the manager. The wire says nothing more. */
export const managerName = `manager on ${hostname()} (process ${process.pid})`;
