/**
 * Memory dumps in which one kernel hands over to the next, each opened in a fresh process.
 *
 * dump-capture: a captured dump of 1.6 MB, gzipped, from start to end of the process.
 * dump-huge: a memfd of 256 GiB in 2^26 folios (2^22 with --quick), summarised as runs.
 *
 * @typedef {import('../types.d.ts').Settings} Settings
 * @typedef {import('../types.d.ts').Group} Group
 */

import { fileURLToPath } from 'node:url';

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));
const CAPTURE = path('../../fixtures/kho/kho-v4-luo-v5-x86_64.elf.gz');

/** 256 GiB in pages of 4 KiB; their records take 1 GiB. */
const FOLIOS = 2 ** 26;
const QUICK_FOLIOS = 2 ** 22;

/** @param {string} id @param {string} title @param {{ run?: number, gap?: number }} options @returns {Group} */
const hugeGroup = (id, title, options) => ({
  id,
  title: `a dump with a memfd of 256 GiB in 64 Mi folios (4 Mi with --quick), ${title}`,
  unit: 'dump',
  kind: 'process',
  runs: 5,
  reference: 'read only',
  options,
  contenders: [
    { label: 'read only', file: 'image-dumps', task: 'read' },
    { label: 'carryover', file: 'carryover-dumps', task: 'summarise', bars: [{ maxMiB: 300 }] },
  ],
  notes:
    'openImage, openHandover and the folios as runs; the records are made as they are read, the rest of the dump before; MiB: peak RSS of the process',
});

/** @param {Group} group @param {Settings} settings */
function hugeSize({ options = {} }, { quick }) {
  const folios = quick ? QUICK_FOLIOS : FOLIOS;
  const { run = folios, gap = 0 } = /** @type {{ run?: number, gap?: number }} */ (options);
  return { folios, run, gap };
}

/** Of the capture: its generation, the pages preserved, the files of each session. */
const HANDED_OVER = { generation: 'v4', pages: 5683, files: [4, 101, 0] };

/** What a contender's process must have found, by task. */
const EXPECTED = {
  gunzip: () => ({ bytes: 1630208 }),
  capture: () => HANDED_OVER,
  cli: () => HANDED_OVER,
  /** @param {Group} group @param {Settings} settings */
  read: (group, settings) => ({ bytes: hugeSize(group, settings).folios * 16 }),
  /** @param {Group} group @param {Settings} settings */
  summarise(group, settings) {
    const { folios, run } = hugeSize(group, settings);
    return { folios, runs: Math.ceil(folios / run), findings: 0 };
  },
};

/** What the command printed, in the form of the other contenders' answers. @param {string} out */
function readDocument(out) {
  const { generation, value } = JSON.parse(out);
  return {
    status: 'ok',
    result: {
      generation,
      pages: Number(value.preserved.pages),
      files: value.entries.LUO.sessions.map((/** @type {any} */ session) => session.files.length),
    },
  };
}

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'dumps',
  groups: [
    {
      id: 'dump-capture',
      title: 'fresh process: gunzip a captured dump of 1.6 MB, find and decode its handover',
      unit: 'process',
      kind: 'process',
      clock: 'wall',
      reference: 'node, gunzip',
      contenders: [
        { label: 'node, gunzip', file: 'gunzip-dumps', task: 'gunzip' },
        { label: 'carryover, openHandover', file: 'carryover-dumps', task: 'capture' },
        { label: 'carryover decode --json', file: 'carryover-dumps', task: 'cli' },
      ],
      notes: 'the whole process as its parent sees it, so that the start of node is part of every row',
    },
    hugeGroup('dump-huge', 'in one piece', {}),
    hugeGroup('dump-huge-64', '64 in a run', { run: 64, gap: 3 }),
  ],
  command(group, entry, settings) {
    if (entry.task === 'cli') return [path('../../dist/node/cli/main.js'), 'decode', '--json', CAPTURE];
    const program = [path('../dump-process.mjs'), entry.file, entry.task];
    if (group.clock === 'wall') return [...program, CAPTURE];
    const { folios, run, gap } = hugeSize(group, settings);
    return [...program, String(folios), String(run), String(gap)];
  },
  answer(group, entry, settings, out) {
    const answer = entry.task === 'cli' ? readDocument(out) : JSON.parse(out);
    if (answer.status !== 'ok') return answer;
    const task = /** @type {keyof typeof EXPECTED} */ (entry.task);
    const expected = JSON.stringify(EXPECTED[task](group, settings));
    const found = JSON.stringify(answer.result);
    return found === expected ? answer : { status: 'wrong', reason: `${found}, expected ${expected}` };
  },
};
