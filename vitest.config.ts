import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two workers at most: more only compete for the cores and make property tests time out.
    pool: 'forks',
    maxWorkers: 2,
    typecheck: { enabled: false },
  },
});
