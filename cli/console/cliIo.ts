export type { CliIo } from '../../cluster/index.js';
