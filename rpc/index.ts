export { AdminServer, type AdminServerOptions } from './server/adminServer.js';
export { flockProcessor } from './server/flockProcessor.js';
export { injectorProcessor } from './server/injectorProcessor.js';
export { managerProcessor } from './server/manager/managerProcessor.js';
export type { ServerLimitOptions } from './server/serverLoad.js';
export { tbirdProcessor } from './server/tbirdProcessor.js';
export type { ThriftService } from './server/thriftService.js';
export { ThriftServer, type ThriftServerOptions } from './server/thriftServer.js';
export { usersProcessor } from './server/usersProcessor.js';
