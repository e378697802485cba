export { ClusterFigures, type CallRate } from './clusterFigures.js';
export { Dashboard } from './dashboard.js';
export type { ClusterState } from './state.js';
