/** Each has its own stream and its own concurrency; work of one never waits behind another's. */
export const priorities = ['high', 'medium', 'low'] as const;
export type Priority = (typeof priorities)[number];
