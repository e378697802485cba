import { priorities } from '../../core/index.js';
import { Option } from 'commander';

/**
 * The queue of a bulk write. The default is low, so that single writes, which take the high queue, do not wait behind
 * it.
 */
export const priorityOption = (): Option =>
  new Option(
    '--priority <priority>',
    'the queue that the writes take; single writes take high, and would wait behind these there',
  )
    .choices(priorities)
    .default('low');
