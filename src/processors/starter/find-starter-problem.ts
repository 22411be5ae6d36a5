import { findTool } from '../limits/tool.ts';
import { Starter } from './starter.ts';

const LIMIT_MS = 10_000;

/** Why there can be no starter here, where `python` is what the system has of that name; undefined when there can. */
export async function findStarterProblem(python = findTool('python3')): Promise<string | undefined> {
  if (python === undefined) return 'there is no python3(1)';
  return new Promise((resolve) => {
    const starter = new Starter(python, {
      onReady: () => end(undefined),
      onOver: (_, problem) => end(problem),
    });
    const timer = setTimeout(() => end(`${python} does nothing`), LIMIT_MS);
    const end = (problem: string | undefined): void => {
      clearTimeout(timer);
      void starter.end().then(() => resolve(problem));
    };
  });
}
