import type { FastifyInstance } from 'fastify';
import { startTestCluster, type TestCluster } from 'roostdb/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp } from './app.js';

let cluster: TestCluster;
let app: FastifyInstance;

beforeAll(async () => {
  cluster = await startTestCluster();
  app = await buildApp(cluster.roost);
}, 120_000);

afterAll(async () => {
  await app?.close();
  await cluster?.stop();
});

async function call<Body>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object) {
  const answer = await app.inject({ method, url, ...(body && { payload: body }) });
  return { status: answer.statusCode, body: (answer.body === '' ? undefined : answer.json()) as Body };
}

async function newUser(screenName: string): Promise<string> {
  const { body } = await call<{ id: string }>('POST', '/users', { name: screenName, screenName });
  return body.id;
}

interface Page {
  readonly tweets: readonly { readonly text: string }[];
  readonly before: string | null;
}
const textsOf = ({ tweets }: Page): string[] => tweets.map((tweet) => tweet.text);

it('counts followers', async () => {
  const [ada, bob] = [await newUser('ada'), await newUser('bob')];
  expect((await call('PUT', `/users/${bob}/follows/${ada}`)).status).toBe(204);
  expect((await call('GET', `/users/${ada}`)).body).toMatchObject({ screenName: 'ada', followers: 1, following: 0 });
});

it('answers 404 for a user who does not exist', async () => {
  expect((await call('GET', '/users/1')).status).toBe(404);
});

it('answers 400 for an id that is none, and says why', async () => {
  const { status, body } = await call<{ message: string }>('GET', '/users/abc');
  expect([status, body.message]).toEqual([400, expect.stringContaining('id')]);
});

it('names the followers that two users have in common', async () => {
  const [me, friend, star] = [await newUser('me'), await newUser('friend'), await newUser('star')];
  await call('PUT', `/users/${me}/follows/${friend}`);
  await call('PUT', `/users/${friend}/follows/${star}`);
  expect((await call('GET', `/users/${me}/known-followers/${star}`)).body).toEqual({ ids: [friend] });
});

it('delivers tweets to the home timelines of followers, newest first', async () => {
  const [author, reader] = [await newUser('author'), await newUser('reader')];
  await call('PUT', `/users/${reader}/follows/${author}`);
  for (const text of ['first', 'second', 'third']) await call('POST', '/tweets', { userId: author, text });
  await cluster.settled();
  expect(textsOf((await call<Page>('GET', `/users/${reader}/home`)).body)).toEqual(['third', 'second', 'first']);

  await call('DELETE', `/users/${reader}/follows/${author}`);
  expect(textsOf((await call<Page>('GET', `/users/${reader}/home`)).body)).toEqual([]);
});

it('serves pages of tweets, and an end', async () => {
  const author = await newUser('busy');
  for (let i = 0; i < 25; i++) await call('POST', '/tweets', { userId: author, text: `tweet ${i}` });
  await cluster.settled();
  const first = (await call<Page>('GET', `/users/${author}/tweets`)).body;
  const second = (await call<Page>('GET', `/users/${author}/tweets?before=${first.before}`)).body;
  expect([first.tweets.length, second.tweets.length, second.before]).toEqual([20, 5, null]);
});

it('keeps serving while the cache is down', async () => {
  const author = await newUser('steady');
  await call('POST', '/tweets', { userId: author, text: 'still here' });
  await cluster.settled();
  await cluster.playground.kill('cache1');
  expect(textsOf((await call<Page>('GET', `/users/${author}/tweets`)).body)).toEqual(['still here']);
});
