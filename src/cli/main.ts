#!/usr/bin/env node
/** The program: `run` with the system that Node gives. */
import { readFile } from 'node:fs/promises';
import { nodeIO } from './node-io.js';
import { run } from './run.js';

const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
// Not process.exit: what was written may still be on its way.
process.exitCode = await run(process.argv.slice(2), nodeIO(), version);
