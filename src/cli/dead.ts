import { Command } from 'commander';
import { addConfigOption } from './config-option.ts';
import { listDeadLetters, showDeadLetters } from './dead/reading.ts';
import { dropFromQueue, retryOnQueue } from './dead/treating.ts';
import { parseCountOption } from './option-parsers.ts';
import { reportErrors } from './usage-error.ts';

const LIST_LIMIT = 100;
const SHOW_LIMIT = 10;

export function deadCommand(): Command {
  const dead = new Command('dead')
    .description('look at what was dead-lettered, put it back, or drop it')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'more about one command')
    .addHelpText('after', HELP);

  reading('list', 'print one line for each dead letter, the oldest first', LIST_LIMIT).action(
    (queue, options) => reportErrors(() => listDeadLetters(queue, options)),
  );
  reading('show', 'print all that there is to know of dead letters', SHOW_LIMIT)
    .argument('[id...]', 'which ones; without one, the oldest')
    .action((queue, ids, options) => reportErrors(() => showDeadLetters(queue, ids, options)));

  treating('retry', 'put dead letters back on the queue they died on; their history starts anew').action(
    (queue, ids, options) => reportErrors(() => retryOnQueue(queue, ids, options)),
  );
  treating('drop', 'take dead letters off for good')
    .option('--yes', 'do not ask whether --all is meant')
    .action((queue, ids, options) => reportErrors(() => dropFromQueue(queue, ids, options)));
  return dead;

  function reading(name: string, description: string, limit: number): Command {
    return common(name, description)
      .option('--limit <n>', 'how many at most', parseCountOption, limit)
      .option('--json', 'print one line of JSON for each');
  }

  function treating(name: string, description: string): Command {
    return common(name, description)
      .argument('[id...]', 'which ones')
      .option('--all', 'all that are there now');
  }

  function common(name: string, description: string): Command {
    return addConfigOption(dead.command(name))
      .description(description)
      .argument('<queue>', 'a queue of queue-mappings, or a dead-letter queue itself')
      .helpOption('-h, --help', 'print this help')
      .addHelpText('after', HELP);
  }
}

const HELP = `
Examples:
  rbit-ts dead list worker.pdf
  rbit-ts dead show worker.pdf 5f0c2a91
  rbit-ts dead retry worker.pdf 5f0c2a91 0be411d7
  rbit-ts dead drop worker.pdf --all

A mapped queue stands for what died on it, a dead-letter queue for all that is on it, whichever queue it died on.
retry puts a message back only on the queue it died on; where that is not known, on the only one that leads there.
An ID is the one that list shows, or a job's own; equal messages share one.
What is looked at stays where it is, but for two cases in which a copy at the tail takes its place: on a quorum queue
after every tenth look, as that drops what was handed out too often; and at the head of a queue that is too long to be
held while the meant ones are looked for (never by list). A copy has the same ID, body and properties without
expiration, user-id, CC, BCC and RabbitMQ's own headers; what x-death said is then in x-rbit- headers.
Exit status: 0; 1 when an ID names none, or one had to be left; 69 when the broker cannot be used; 78 for a
bad configuration.`;
