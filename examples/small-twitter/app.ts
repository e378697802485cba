import Fastify, { type FastifyInstance } from 'fastify';
import { isRoostError, type ErrorCode, type Roost } from 'roostdb/sdk';

/** What each code of Roost means over HTTP; every other is a 500. */
const statusOf: Partial<Record<ErrorCode, number>> = {
  InvalidArgument: 400,
  NotFound: 404,
  AlreadyExists: 409,
  Overloaded: 429,
  Unavailable: 503,
  DeadlineExceeded: 504,
};

/** Ids have 64 bits: they are strings in JSON, and never numbers. */
const id = { type: 'string', pattern: '^[0-9]{1,19}$' } as const;
const text = { type: 'string', minLength: 1, maxLength: 280 } as const;
const object = <Properties extends object>(properties: Properties) =>
  ({ type: 'object', required: Object.keys(properties), properties, additionalProperties: false }) as const;

interface ById {
  readonly Params: { readonly id: string };
}
interface Paged extends ById {
  readonly Querystring: { readonly before?: string };
}
interface Pair {
  readonly Params: { readonly id: string; readonly other: string };
}

/** A small Twitter: users who follow each other, tweets, and timelines. */
export async function buildApp(roost: Roost): Promise<FastifyInstance> {
  const follows = await roost.graph('follows');
  const app = Fastify();

  app.setErrorHandler((error, _request, reply) => {
    const { message, validation } = error as Error & { readonly validation?: unknown };
    if (isRoostError(error)) {
      if (error.retryable) void reply.header('retry-after', Math.ceil((error.retryAfterMs ?? 1_000) / 1_000));
      void reply.code(statusOf[error.code] ?? 500).send({ code: error.code, message });
    } else void reply.code(validation === undefined ? 500 : 400).send({ message });
  });

  app.post<{ Body: { name: string; screenName: string } }>(
    '/users',
    { schema: { body: object({ name: { type: 'string' }, screenName: { type: 'string' } }) } },
    async ({ body }, reply) => {
      const [userId] = await roost.tweets.reserveIds(1);
      // `materialized` answers when the write can be read; without it the write is safe, and read a moment later.
      await roost.users.put({ id: userId!, ...body }, { acknowledgment: 'materialized' });
      return reply.code(201).send({ id: String(userId) });
    },
  );

  app.get<ById>('/users/:id', { schema: { params: object({ id }) } }, async ({ params }, reply) => {
    const [user, followers, following] = await Promise.all([
      roost.users.get(params.id),
      follows.count(params.id, { direction: 'backward' }),
      follows.count(params.id),
    ]);
    if (user === undefined) return reply.code(404).send({ message: `no user ${params.id}` });
    const { name, screenName } = user;
    return { id: params.id, name, screenName, followers: Number(followers), following: Number(following) };
  });

  const pair = { schema: { params: object({ id, other: id }) } };
  app.put<Pair>('/users/:id/follows/:other', pair, async ({ params: { id, other } }, reply) => {
    await follows.add(id, other, { acknowledgment: 'materialized' });
    return reply.code(204).send();
  });
  app.delete<Pair>('/users/:id/follows/:other', pair, async ({ params: { id, other } }, reply) => {
    await follows.remove(id, other, { acknowledgment: 'materialized' });
    return reply.code(204).send();
  });

  /** Whom a user follows who also follow another: one query, walked in MySQL. */
  app.get<Pair>('/users/:id/known-followers/:other', pair, async ({ params: { id, other } }) => ({
    ids: (await follows.from(id).intersect(follows.to(other)).ids(20)).map(String),
  }));

  app.post<{ Body: { userId: string; text: string } }>(
    '/tweets',
    { schema: { body: object({ userId: id, text }) } },
    async ({ body }, reply) => reply.code(201).send({ id: String(await roost.tweets.create(body)) }),
  );

  app.delete<ById>('/tweets/:id', { schema: { params: object({ id }) } }, async ({ params }, reply) => {
    await roost.tweets.delete(params.id);
    return reply.code(204).send();
  });

  const paged = {
    schema: {
      params: object({ id }),
      querystring: { type: 'object', properties: { before: id }, additionalProperties: false },
    },
  };
  for (const [path, page] of [
    ['home', roost.timelines.homeFragments.bind(roost.timelines)],
    ['mentions', roost.timelines.mentionsFragments.bind(roost.timelines)],
    ['tweets', roost.timelines.userFragments.bind(roost.timelines)],
  ] as const)
    app.get<Paged>(`/users/:id/${path}`, paged, async ({ params, query }, reply) => {
      const { tweets, nextBeforeId, partial } = await page('short', params.id, { count: 20, ...query });
      // Fragments are JSON already: they go from the cache to the client as they are.
      const next = nextBeforeId === undefined ? 'null' : `"${nextBeforeId}"`;
      return reply
        .type('application/json')
        .send(`{"tweets":[${tweets.join(',')}],"before":${next},"partial":${partial}}`);
    });

  return app;
}
