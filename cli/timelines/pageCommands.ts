import type { Command } from 'commander';
import { limits } from '../../core/index.js';
import type { Roost, TweetPage } from '../../sdk/index.js';
import type { CliIo } from '../console/cliIo.js';
import { askingServers, type ClientOptions, withClient } from '../console/client.js';
import { serverOption } from '../console/serverOptions.js';
import { defineCommand, idArgument, integerArgument, outputFor } from '../console/command.js';

interface PageOptions extends ClientOptions {
  readonly count: number;
  readonly before?: bigint;
  readonly since?: bigint;
}

type Bounds = Pick<PageOptions, 'count' | 'before' | 'since'>;

/** Pages of timelines, as commands of the noun `timeline`. */
export function addPageCommands(timeline: Command, io: CliIo): void {
  const tweets = {
    home: {
      does: 'what those whom a user follows have tweeted, newest first',
      read: (roost: Roost, user: bigint, bounds: Bounds) => roost.timelines.homeFragments('short', user, bounds),
    },
    user: {
      does: "a user's own tweets, replies and retweets, newest first",
      read: (roost: Roost, user: bigint, bounds: Bounds) => roost.timelines.userFragments('short', user, bounds),
    },
    mentions: {
      does: 'the tweets that name a user, newest first',
      read: (roost: Roost, user: bigint, bounds: Bounds) => roost.timelines.mentionsFragments('short', user, bounds),
    },
  };
  for (const [name, { does, read }] of Object.entries(tweets))
    definePage(timeline, name, does).action(async (user: bigint, options: PageOptions) => {
      const page: TweetPage = await withClient(io, options, (roost) => read(roost, user, boundsOf(options)));
      const found = page.tweets.map(shortOf);
      const { ids: _ids, ...rest } = page;
      const output = outputFor(io, options);
      output.result(
        { ...rest, tweets: found },
        () =>
          output.table(
            ['id', 'user', 'text'],
            found.map(({ id, user_id: author, text }) => [id, author, text]),
          ) + (page.partial ? `\n${output.dim(rebuilding)}` : ''),
        nextOf(name, user, page),
      );
    });

  definePage(
    timeline,
    'activity',
    'what others did to a user and their tweets, newest first\nFavorites, retweets, replies, mentions and follows that still stand.',
  ).action(async (user: bigint, options: PageOptions) => {
    const page = await withClient(io, options, (roost) =>
      roost.timelines.activityFragments('short', user, boundsOf(options)),
    );
    const { activity, tweets: shown, ...rest } = page;
    const found = activity.map((one, i) => ({ ...one, text: shown[i] && shortOf(shown[i]).text }));
    const output = outputFor(io, options);
    output.result(
      { ...rest, activity: found },
      () =>
        output.table(
          ['id', 'what', 'by', 'tweet', 'text'],
          found.map(({ id, kind, actorId, tweetId, text }) => [
            String(id),
            kind,
            String(actorId),
            tweetId === undefined ? '' : String(tweetId),
            text ?? '',
          ]),
        ) + (page.partial ? `\n${output.dim(rebuilding)}` : ''),
      nextOf('activity', user, page),
    );
  });
}

const rebuilding = 'it is being rebuilt: some may be missing';

const definePage = (timeline: Command, name: string, does: string): Command =>
  askingServers(
    defineCommand(timeline, name, does, `roost timeline ${name} 42 --count 10`)
      .argument('<user>', 'whose', idArgument)
      .option('--count <count>', 'how many', integerArgument(1, limits.pageSize), 20)
      .option('--before <id>', 'only those with smaller ids', idArgument)
      .option('--since <id>', 'only those with greater ids', idArgument)
      .addOption(serverOption('timelines')),
  );

const boundsOf = ({ count, before, since }: PageOptions): Bounds => ({
  count,
  ...(before === undefined ? {} : { before }),
  ...(since === undefined ? {} : { since }),
});

const nextOf = (name: string, user: bigint, { nextBeforeId }: { readonly nextBeforeId?: bigint }): string[] =>
  nextBeforeId === undefined ? [] : [`roost timeline ${name} ${user} --before ${nextBeforeId}`];

const shortOf = (fragment: Buffer) =>
  JSON.parse(fragment.toString()) as { readonly id: string; readonly user_id: string; readonly text: string };
