export { freshCluster, type FreshCluster } from './freshCluster.js';
