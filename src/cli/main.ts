#!/usr/bin/env node
/** The program: `run` with the system that Node gives. */
import { createRequire } from 'node:module';
import { nodeIO } from './node-io.js';
import { run } from './run.js';

// By the package's own name: the program is at one place in dist/ as it is compiled, at another when bundled.
const { version } = createRequire(import.meta.url)('carryover/package.json') as { version: string };
// Not process.exit: what was written may still be on its way.
process.exitCode = await run(process.argv.slice(2), nodeIO(), version);
