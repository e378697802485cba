export { Dashboard } from './dashboard.js';
export type { ClusterState } from './state.js';
