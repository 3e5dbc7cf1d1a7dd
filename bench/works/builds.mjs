/**
 * The way back: a handover with one memfd of 64 GiB, built, written as a dump, and compared with another one. In
 * folios of 4 KiB its metadata are 256 MiB, 16 bytes for each; in folios of 2 MiB half a MiB.
 *
 * @typedef {import('../types.d.ts').Group} Group
 */

import { fileURLToPath } from 'node:url';

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));
const SIZE = 64 * 2 ** 30;

/** @param {number} order @param {string} folios @param {number} maxMiB @returns {Group} */
const group = (order, folios, maxMiB) => {
  const bars = [{ maxMiB }];
  return {
    id: `build-64g-${order}`,
    title: `a handover of a memfd of 64 GiB of zeros, in folios of ${folios}`,
    unit: 'handover',
    kind: 'process',
    runs: 5,
    reference: 'build',
    options: { order },
    contenders: [
      { label: 'build', file: 'carryover-builds', task: 'build', bars },
      { label: 'build, a hole instead', file: 'carryover-builds', task: 'hole', bars },
      { label: 'build, write ELF', file: 'carryover-builds', task: 'elf', bars },
      { label: 'build, write kdump', file: 'carryover-builds', task: 'kdump', bars },
      { label: 'build twice, write ELF, diff', file: 'carryover-builds', task: 'diff', bars },
    ],
    notes:
      'dumps are thrown away as they are made, but for those that are compared, which are files; MiB: peak RSS of the process',
  };
};

/** What a contender's process must have found, by task. */
const EXPECTED = {
  build: { bytes: SIZE },
  hole: { bytes: 0 },
  elf: { container: 'elf', large: true },
  kdump: { container: 'kdump', large: true },
  diff: { count: 1, notComparable: 0 },
};

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'builds',
  groups: [group(9, '2 MiB', 128), group(0, '4 KiB', 300)],
  command({ options }, { file, task }) {
    const { order } = /** @type {{ order: number }} */ (options);
    const about = JSON.stringify({ order, size: SIZE, hole: task === 'hole' });
    return [path('../dump-process.mjs'), file, task === 'hole' ? 'build' : task, about];
  },
  answer(_group, { task }, _settings, out) {
    const answer = JSON.parse(out);
    if (answer.status !== 'ok') return answer;
    const expected = JSON.stringify(EXPECTED[/** @type {keyof typeof EXPECTED} */ (task)]);
    const found = JSON.stringify(answer.result);
    return found === expected ? answer : { status: 'wrong', reason: `${found}, expected ${expected}` };
  },
};
