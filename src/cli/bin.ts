#!/usr/bin/env node
// Runs on any Node since 14: only what old ones can parse may stand here, and nothing may be imported before the check.
const OLDEST = [22, 22, 2];

const version = process.versions.node;
const isOld = compare(version.split('.').map(Number), OLDEST) < 0;

if (isOld) {
  process.stderr.write(
    `rbit-ts needs Node.js ${OLDEST.join('.')} or newer, and this is ${version}: install a current one from https://nodejs.org\n`,
  );
  process.exitCode = 78;
} else {
  const { main } = await import('./main.ts');
  await main(process.argv);
}

function compare(a: number[], b: number[]): number {
  const at = b.findIndex((part, index) => part !== a[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
