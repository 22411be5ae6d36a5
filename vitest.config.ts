import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Runners are loaded by Node itself, and print to the real streams, as they do in the daemon.
    experimental: { viteModuleRunner: false },
    disableConsoleIntercept: true,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Real brokers and processes on a shared machine: a test that fails twice has found something. Retries are reported.
    retry: process.env['CI'] === undefined ? 0 : 1,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
