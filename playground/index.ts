export {
  makeDevelopmentCertificates,
  type CertificateFiles,
  type CertificateOptions,
} from './developmentCertificates.js';
export { Playground, type PlaygroundDatabaseHost } from './playground.js';
export { endProcess, identify, type ProcessIdentity } from './processes.js';
export { readPlayground, type PlaygroundStatus, type ServerStatus } from './readPlayground.js';
export { startPlayground, type PlaygroundOptions } from './startPlayground.js';
export type { PlaygroundSource, RedisFsync, ServerKind } from './state.js';
export { stopPlayground, type StopOptions } from './stopPlayground.js';
