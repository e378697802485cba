export { freshCluster, overrideClusters, type FreshCluster } from './freshCluster.js';
