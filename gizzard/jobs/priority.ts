export { priorities, type Priority } from '../../core/index.js';
