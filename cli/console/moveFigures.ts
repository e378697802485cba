import { type MoveTask, remainingMs } from '../../gizzard/index.js';
import { formatCount, formatMs } from './output.js';

/** The progress of a move: percent, rows, rate and time left. */
export function moveFigures(task: MoveTask): string {
  const { kind, state, rowsDone, rowsTotal, rowsPerSecond, differenceCount } = task;
  const percent = rowsTotal === 0 ? 0 : Math.min(100, Math.floor((100 * rowsDone) / rowsTotal));
  const left = remainingMs(task);
  return [
    `${percent}%`,
    `${formatCount(rowsDone)} of ${formatCount(rowsTotal)} rows`,
    `${formatCount(Math.round(rowsPerSecond))}/s`,
    ...(state === 'running' && left !== undefined ? [`${formatMs(left)} left`] : []),
    ...(kind === 'copy' ? [] : [`${formatCount(differenceCount)} different`]),
  ].join(' · ');
}
