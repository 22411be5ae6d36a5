// Greets whoever the job names, and says so in its reply.
//
//   [runner:hello]
//   runner = module!runners/hello.ts
//   greeting = Hello
//
// Job:    {"parameters": {"name": "Ada"}}
// Reply:  {"status": "completed", "data": {"greeting": "Hello, Ada!"}}

import { Failed, type Job, type JobContext } from 'rbit-ts';

export default async function hello(job: Job, context: JobContext): Promise<{ greeting: string }> {
  const { name } = job.parameters;
  if (typeof name !== 'string' || name === '') throw new Failed('parameters.name must be a name');
  const greeting = `${context.settings['greeting'] ?? 'Hello'}, ${name}!`;
  context.output(greeting);
  return { greeting };
}
