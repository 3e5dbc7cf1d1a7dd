#!/usr/bin/env node
/**
 * npm run bench [-- --quick] [-- --only W1] [-- --json FILE]
 *
 * Measures every work with every contender and prints one table.
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { FULL, measureGroup, QUICK } from './harness.mjs';
import { formatGroup, formatLegend } from './table.mjs';
import { works } from './works/index.mjs';

const USAGE = `usage: node bench/run.js [--quick] [--only WORD]... [--json FILE] [--list]
  --quick       fewer and shorter rounds: the picture in about a minute
  --only WORD   only the groups whose name contains WORD (case ignored); may be repeated
  --json FILE   write everything measured to FILE
  --list        print the names of the groups and stop`;

/** Turns the command line into settings, or ends the process with usage. */
function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return values;
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const words = readArguments();
const wanted = words.only.map((word) => word.toLowerCase());
const chosen = works.flatMap((work) =>
  work.groups
    .filter((group) => wanted.length === 0 || wanted.some((word) => group.id.toLowerCase().includes(word)))
    .map((group) => ({ work, group })),
);

if (words.list) {
  for (const { group } of chosen) console.log(`${group.id.padEnd(28)} ${group.title}`);
  process.exit(0);
}
if (chosen.length === 0) {
  console.error(`no group's name contains ${words.only.join(' or ')}; --list prints the names`);
  process.exit(2);
}

const settings = words.quick ? QUICK : FULL;
const machine = {
  node: process.version,
  v8: process.versions.v8,
  cpu: os.cpus()[0]?.model ?? 'unknown',
  cpus: os.cpus().length,
};
console.log(
  `Node ${machine.node}, V8 ${machine.v8}, ${machine.cpu}, ${settings.rounds} rounds of about ${settings.roundMs} ms\n`,
);

const results = [];
const started = performance.now();
for (const { work, group } of chosen) {
  if (process.stderr.isTTY) process.stderr.write(`measuring ${group.id} …\r`);
  const result = await measureGroup(work, group, settings);
  if (process.stderr.isTTY) process.stderr.write('\x1b[K');
  results.push(result);
  console.log(formatGroup(result));
}
console.log(formatLegend(results, (performance.now() - started) / 1000));

if (words.json !== undefined) {
  writeFileSync(words.json, `${JSON.stringify({ machine, settings, groups: results }, null, 2)}\n`);
}
// A bar that is not met is news, not a failure; a contender that decodes wrongly is a failure.
if (results.some((result) => result.rows.some((row) => row.status === 'wrong'))) process.exitCode = 1;
