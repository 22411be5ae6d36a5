// A processor of one's own: runners whose line is a greeting.
//
//   [processor:greet]
//   module = runners/greet.ts
//
//   [runner:greeting]
//   runner = greet!Hello, %s
//
// Job:    {"parameters": {"name": "Ada"}}
// Reply:  {"status": "completed"}

import { Failed, type ProcessorOptions, type ProcessorRunner } from 'rbit-ts';

/** `greet!TEXT`: prints TEXT, with the job's name for each %s. */
export default function greet({ spec }: ProcessorOptions): ProcessorRunner {
  // What is thrown here, `check` says with the runner's line.
  if (!spec.includes('%s')) throw new Error('there is no %s in it');
  return {
    run(job, { output }) {
      const { name } = job.parameters;
      if (typeof name !== 'string') throw new Failed('parameters.name must be a name');
      // A function: in a text, $& and the like would mean something.
      output(spec.replaceAll('%s', () => name));
    },
  };
}
