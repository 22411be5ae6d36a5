// Does nothing but show what came: for trying out playbooks. `noop:Fail` fails, any other subcommand completes.
//
//   [runner:noop]
//   runner = module!runners/noop.ts
//   concurrency = 10
//
// Job:    {"parameters": {"command": "noop", "subcommand": "Run"}}
// Reply:  {"status": "completed"}
//
// Job:    {"parameters": {"command": "noop", "subcommand": "Fail"}}
// Reply:  {"status": "failed", "message": "noop:Fail was asked to fail"}

import { Failed, type Job, type JobContext } from 'rbit-ts';

export default async function noop(job: Job, context: JobContext): Promise<void> {
  context.output(`parameters ${JSON.stringify(job.parameters)}`);
  context.output(`dynamic ${JSON.stringify(job.dynamic)}`);
  if (job.parameters['subcommand'] === 'Fail') throw new Failed('noop:Fail was asked to fail');
}
