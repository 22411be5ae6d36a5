/** One job that the demo submits, and what is to become of it. */
export interface DemoStep {
  readonly explanation: string;
  /** What follows `submit` on the command line, but for the configuration. */
  readonly args: readonly string[];
  /** That of `submit --wait`. */
  readonly exitCode: number;
  /** How the job's runs end, one after the other. */
  readonly outcomes: readonly string[];
}

const NOT_BEFORE_MS = 2_000;

/** The jobs of the demo. Made one after the other, since one of them says what time it is. */
export function* demoSteps(): Generator<DemoStep> {
  yield {
    explanation: 'A shell command. The text reaches it as one argument, whatever is in it.',
    args: ['worker.words', '--set', 'parameters.text=to be or not to be'],
    exitCode: 0,
    outcomes: ['completed'],
  };
  yield {
    explanation: 'A TypeScript function, with no build. What it returns comes back with the reply.',
    args: ['worker.hello', '--set', 'parameters.name=Ada'],
    exitCode: 0,
    outcomes: ['completed'],
  };
  yield {
    explanation: 'A job that fails: whoever asked for it is told why, and submit exits 1.',
    args: ['worker.words', '--set', 'parameters.text='],
    exitCode: 1,
    outcomes: ['failed'],
  };
  const time = new Date(Date.now() + NOT_BEFORE_MS).toISOString();
  yield {
    explanation: 'A job whose time has not come: blocked, it waits in its queue, and completes later.',
    args: ['worker.not-before', '--set', `parameters.time=${time}`],
    exitCode: 0,
    outcomes: ['blocked', 'completed'],
  };
}
