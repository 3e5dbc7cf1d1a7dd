/**
 * Fixtures: valid instances of the LUO and its files, made from a seed and written as ELF cores, in memory. One
 * pass makes so many of them; no two of a pass are alike, and every pass makes the same.
 *
 * @typedef {{ items: number, first: number }} GenerateData
 */

import { keep } from '../keep.mjs';

const ITEMS = 50;

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'generate',
  groups: [
    {
      id: 'generate',
      title: 'random small handovers, made from a seed and written as ELF cores of 100 KB in memory',
      unit: 'instance',
      reference: 'as many bytes copied',
      contenders: [
        { label: 'as many bytes copied', file: 'hand-generate', task: 'generate' },
        { label: 'carryover', file: 'carryover-generate', task: 'generate' },
      ],
      notes:
        '10,000 of them are to take well under a minute on two cores: 3 ms each on one are 30 s. The other row only copies a core made beforehand',
    },
  ],
  data: () => ({ items: ITEMS, first: 1 }),
  /** instance.generate(index) -> Uint8Array */
  drive: (_group, /** @type {any} */ instance, /** @type {GenerateData} */ { items, first }) => ({
    verify() {
      for (let i = 0; i < 3; i++) {
        const bytes = instance.generate(first + i);
        if (bytes[0] !== 0x7f || bytes[1] !== 0x45) throw new Error('this is no ELF core');
        if (bytes.length < 40_000) throw new Error(`an instance has ${bytes.length} bytes`);
      }
    },
    pass() {
      for (let i = 0; i < items; i++) keep(instance.generate(first + i));
    },
  }),
};
