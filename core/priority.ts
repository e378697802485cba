/** Each priority has its own stream and workers; jobs of one never wait behind another's. */
export const priorities = ['high', 'medium', 'low'] as const;
export type Priority = (typeof priorities)[number];
