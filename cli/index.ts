export { roost } from './roost.js';
export { stores } from './stores.js';
export {
  configOption,
  defineCommand,
  defineGroup,
  openConfig,
  outputFor,
  type ConfigOptions,
} from './console/command.js';
export { Output } from './console/output.js';
