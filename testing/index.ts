export { startTestCluster, type TestCluster, type TestClusterOptions } from './testCluster.js';
