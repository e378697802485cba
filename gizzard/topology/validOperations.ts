import { priorities, RoostError } from '../../core/index.js';
import { remoteStatuses, type Fanout, type RemoteHost } from './types.js';

const hostPattern = /^[A-Za-z0-9_.:-]{1,255}$/;
const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const suffixPattern = /^[A-Za-z0-9_-]{1,32}$/;
/** Streams that a suffix must not be mistaken for. */
const ownStreams = ['failing', 'bad'];

/** Throws `InvalidArgument` for a remote host that could not be stored or reached. */
export function validRemoteHost(host: RemoteHost): RemoteHost {
  const { hostname, port, cluster, status } = host;
  if (!hostPattern.test(hostname))
    throw invalid(`a remote host is a name or an address, not ${JSON.stringify(hostname)}`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw invalid(`the port of remote host ${hostname} must be from 1 to 65535, not ${port}`);
  if (!namePattern.test(cluster))
    throw invalid(`a remote cluster's name holds 1 to 64 letters, digits, _, . and -, not ${JSON.stringify(cluster)}`);
  if (!remoteStatuses.includes(status))
    throw invalid(`the status of remote host ${hostname} must be one of ${remoteStatuses.join(', ')}`);
  return host;
}

/** Throws `InvalidArgument`. */
export function validFanout(fanout: Fanout): Fanout {
  if (!priorities.includes(fanout.priority)) throw invalid(`there is no priority ${JSON.stringify(fanout.priority)}`);
  if (!suffixPattern.test(fanout.suffix) || ownStreams.includes(fanout.suffix)) {
    throw invalid(
      `a fanout's suffix holds 1 to 32 letters, digits, _ and -, and is none of ${ownStreams.join(', ')}; ${JSON.stringify(fanout.suffix)} is not`,
    );
  }
  return fanout;
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
