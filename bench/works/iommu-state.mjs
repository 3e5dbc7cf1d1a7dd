/**
 * The IOMMU's state of a full machine: 256 devices in 64 domains behind 8 units in scalable mode, each domain with
 * 1 GiB of guest memory. And one domain that maps 64 GiB in pages of 4 KiB, whose tables have 128 MiB.
 */

import { fileURLToPath } from 'node:url';

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));
const FILE = 'carryover-iommu-state';

/** What a contender's process must have found, by task. */
const EXPECTED = {
  build: { objects: 328 },
  decode: { objects: 328, findings: 0 },
  tables: { pages: 1 + 1 + 64 + 64 * 512 },
  write: { tables: true },
};

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'iommu-state',
  groups: [
    {
      id: 'iommu-machine',
      title: 'the IOMMU state of a machine with 256 devices, 64 domains and 8 units',
      unit: 'handover',
      kind: 'process',
      runs: 5,
      reference: 'build',
      options: {},
      contenders: [
        { label: 'build', file: FILE, task: 'build', bars: [{ maxMiB: 256 }] },
        { label: 'build, open and check', file: FILE, task: 'decode', bars: [{ maxMiB: 256 }] },
      ],
      notes: 'opening walks all tables of the hardware and all page tables; MiB: peak RSS of the process',
    },
    {
      id: 'iommu-build-64g',
      title: 'a domain of 64 GiB in pages of 4 KiB, built',
      unit: 'domain',
      kind: 'process',
      runs: 3,
      reference: 'build',
      options: {},
      contenders: [
        { label: 'build', file: FILE, task: 'tables', bars: [{ maxMiB: 128 }] },
        { label: 'build, write ELF', file: FILE, task: 'write', bars: [{ maxMiB: 256 }] },
      ],
      notes: 'tables are made as they are written, and thrown away; MiB: peak RSS of the process',
    },
  ],
  command: (_group, { file, task }) => [path('../dump-process.mjs'), file, task, task],
  answer(_group, { task }, _settings, out) {
    const answer = JSON.parse(out);
    if (answer.status !== 'ok') return answer;
    const expected = JSON.stringify(EXPECTED[/** @type {keyof typeof EXPECTED} */ (task)]);
    const found = JSON.stringify(answer.result);
    return found === expected ? answer : { status: 'wrong', reason: `${found}, expected ${expected}` };
  },
};
