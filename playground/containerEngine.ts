import type { ContainerRuntimeClient } from 'testcontainers';
import { RoostError } from '../core/index.js';

/** A container of the engine, by id or name. */
export type Container = ReturnType<ContainerRuntimeClient['container']['getById']>;
export type ContainerCreateOptions = Parameters<ContainerRuntimeClient['container']['create']>[0];

/**
 * The container engine, as testcontainers finds it (DOCKER_HOST, contexts, rootless sockets), with its registry
 * logins. Only the client of testcontainers is used: testcontainers' own containers stop with the process that
 * started them, but a playground's containers do not.
 */
export class ContainerEngine {
  private constructor(private readonly client: ContainerRuntimeClient) {}

  /** Undefined if testcontainers is not installed or no engine answers. */
  static async connect(): Promise<ContainerEngine | undefined> {
    try {
      const { getContainerRuntimeClient } = await import('testcontainers');
      return new ContainerEngine(await getContainerRuntimeClient());
    } catch {
      return undefined;
    }
  }

  static async require(): Promise<ContainerEngine> {
    const engine = await ContainerEngine.connect();
    if (engine !== undefined) return engine;
    throw new RoostError(
      'FailedPrecondition',
      'no container engine answers: start Docker (check with `docker info`) and have the package testcontainers installed, or use binaries',
    );
  }

  /** Where published ports are reached, and the address to publish them at. */
  get addresses(): { readonly host: string; readonly publishAt: string } {
    const { host } = this.client.info.containerRuntime;
    const local = host === 'localhost' || host === '127.0.0.1';
    // The loopback address of a remote engine is out of reach.
    return local ? { host: '127.0.0.1', publishAt: '127.0.0.1' } : { host, publishAt: '0.0.0.0' };
  }

  /** Fetches an image if it is absent. */
  async pull(image: string): Promise<void> {
    const { ImageName } = await import('testcontainers');
    await this.client.image.pull(ImageName.fromString(image));
  }

  create(options: ContainerCreateOptions): Promise<Container> {
    return this.client.container.dockerode.createContainer(options);
  }

  get(id: string): Container {
    return this.client.container.getById(id);
  }

  /** Ids of the containers that carry a label, running or not. */
  async find(label: string): Promise<string[]> {
    const found = await this.client.container.dockerode.listContainers({ all: true, filters: { label: [label] } });
    return found.map(({ Id }) => Id);
  }
}

/** The status of an engine's error, such as for a container that is absent, or already in the wanted state. */
export const engineStatus = (error: unknown): number | undefined => (error as { statusCode?: number }).statusCode;
