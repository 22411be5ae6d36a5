import type { AmqpConfig, QueueConfig } from './config.ts';
import type { Section } from './ini.ts';
import { placeOf } from './report.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';
import { nearest } from './suggest.ts';

/** Reads the `[queue:NAME]` sections (by NAME) for the queues that are mapped: one entry for each, with defaults where it has no section. */
export function readQueues(
  sections: ReadonlyMap<string, Section>,
  mapped: readonly string[],
  amqp: AmqpConfig | undefined,
  reading: Reading,
): Map<string, QueueConfig> {
  const { report } = reading;
  const queues = new Map<string, QueueConfig>();
  for (const [name, section] of sections) {
    if (mapped.includes(name)) continue;
    readStrictly(section, schema.queue, reading);
    const near = nearest(name, mapped);
    const fix = near === undefined ? 'add it to queue-mappings' : `did you mean [queue:${near}]?`;
    const { file, line } = section;
    report.warning({ file, line, section: section.name, message: 'no runner is mapped to this queue', fix });
  }
  for (const name of mapped) {
    const section = sections.get(name);
    const { values } = readStrictly(section, schema.queue, reading);
    const deadLetter = section?.entries.get('dead-letter');
    if (deadLetter !== undefined && values['dead-letter'] === name)
      report.problem({
        ...placeOf(deadLetter),
        message: 'the queue itself',
        fix: `write another name, or remove it for ${name}.dead`,
      });
    const bind = section?.entries.get('bind');
    if (bind !== undefined && values.bind.length > 0 && amqp !== undefined && amqp.exchange === undefined)
      report.problem({
        ...placeOf(bind),
        message: 'there is no exchange to bind to',
        fix: 'add exchange to [amqp]',
      });
    if (bind !== undefined && values.bind.length > 0 && amqp !== undefined && amqp.declare !== 'if-missing')
      report.warning({
        ...placeOf(bind),
        message: `has no effect with declare = ${amqp.declare}: the daemon binds nothing`,
        fix: 'bind the queue at the broker and remove it, or set declare = if-missing',
      });
    const queueType = section?.entries.get('queue-type');
    // A default for all queues may be meant for the time when there is an [amqp].
    if (amqp === undefined && queueType !== undefined && queueType.section === section?.name)
      report.warning({
        ...placeOf(queueType),
        message: 'has no effect without [amqp]: the embedded queue has one type',
        fix: 'remove it, or add [amqp]',
      });
    queues.set(name, {
      bind: values.bind,
      queueType: values['queue-type'],
      deadLetter: values['dead-letter'] ?? `${name}.dead`,
    });
  }
  return queues;
}
