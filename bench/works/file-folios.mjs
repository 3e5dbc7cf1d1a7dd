/**
 * The folios of a file as the kernel hands them over, four million of them (64 MB), read by the rule of carryover's
 * FolioReader: a run ends where page frames, places in the file or flags do not go on, and each run is looked up in
 * the map of preserved memory, which tells the order of its folios.
 *
 * @typedef {{
 *   items: number, bytes: Uint8Array, runs: number, expected: number, filePages: number,
 *   starts: Float64Array, counts: Float64Array, orders: Uint8Array,
 * }} FileData the last three are the ranges of preserved memory
 * @typedef {{ count: number, at(i: number): readonly [index: number, pfn: number, count: number, flags: number], faults: number }} FileRuns
 */

import { keep } from '../keep.mjs';
import { addWord, SEED, same } from './checksum.mjs';
import { random } from './random.mjs';

const COUNT = 4_000_000;
const UPTODATE = 2;
const DIRTY_UPTODATE = 3;

/** @param {number} hash @param {number} value */
const addWide = (hash, value) => addWord(addWord(hash, value >>> 0), Math.floor(value / 4294967296));

/** @param {number} hash @param {readonly [number, number, number, number]} run */
const addRun = (hash, [index, pfn, count, flags]) =>
  addWord(addWord(addWide(addWide(hash, index), pfn), count), flags);

/**
 * A run ends in most cases because memory does not go on; each eighth one because the flags change, and each eighth
 * one because of a hole in the file.
 *
 * @param {number} runLength the mean; lengths vary from 1 to almost twice it
 * @returns {FileData}
 */
function makeData(runLength) {
  const next = random(3);
  const words = new Uint32Array(COUNT * 4);
  /** @type {number[]} */
  const starts = [];
  /** @type {number[]} */
  const counts = [];
  let expected = SEED;
  let runs = 0;
  let index = 0;
  // Half of the file lies above 2^32 page frames.
  let pfn = 2 ** 32 - COUNT;
  let flags = DIRTY_UPTODATE;
  for (let i = 0, length = 0; i < COUNT; i += length) {
    length = Math.min(1 + (next() % (2 * runLength - 1)), COUNT - i);
    const why = next() % 8;
    if (why === 0) flags = flags === UPTODATE ? DIRTY_UPTODATE : UPTODATE;
    else if (why === 1) index += 1 + (next() % 64);
    else pfn += 1 + (next() % 2);
    const last = starts.length - 1;
    if (last >= 0 && starts[last] + counts[last] === pfn) counts[last] += length;
    else {
      starts.push(pfn);
      counts.push(length);
    }
    expected = addRun(expected, [index, pfn, length, flags]);
    for (let k = 0; k < length; k++, index++, pfn++) {
      const at = (i + k) * 4;
      words[at] = pfn;
      words[at + 1] = Math.floor(pfn / 4294967296) | (flags << 20);
      words[at + 2] = index;
    }
    runs++;
  }
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) Buffer.from(words.buffer).swap32();
  return {
    items: COUNT,
    bytes: new Uint8Array(words.buffer),
    runs,
    // Nothing is wrong with the file.
    expected: addWord(expected, 0),
    filePages: index,
    starts: Float64Array.from(starts),
    counts: Float64Array.from(counts),
    orders: new Uint8Array(starts.length),
  };
}

/** @param {number} length @param {import('../types.d.ts').Bar[]} bars @returns {import('../types.d.ts').Group} */
const group = (length, bars) => ({
  id: `W2-file-${length}`,
  title: `4 million memfd folios (64 MB) as runs of one file, ${length} in a run on average`,
  unit: 'folio',
  reference: 'C -O2, preserved',
  options: { length },
  contenders: [
    { label: 'C -O2, runs only', file: 'c', task: 'fileRuns' },
    { label: 'C -O2, preserved', file: 'c', task: 'filePreserved' },
    { label: 'carryover', file: 'carryover-folios', task: 'runs', bars },
  ],
  notes:
    'C, preserved does all that carryover does: it looks up what is preserved, and counts faults; runs only does neither. Both write to arrays made once, carryover to columns that grow',
});

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'file-folios',
  groups: [
    group(64, [{ vs: 'C -O2, preserved', max: 2.4 }]),
    group(2, [{ vs: 'C -O2, preserved', max: 2.4 }]),
  ],
  data: ({ options }) => makeData(/** @type {any} */ (options).length),
  /** instance.runs() -> FileRuns */
  drive: (_group, /** @type {any} */ instance, /** @type {FileData} */ data) => ({
    verify() {
      if (instance.verify) return instance.verify(data.expected);
      const { count, at, faults } = /** @type {FileRuns} */ (instance.runs());
      let hash = SEED;
      for (let i = 0; i < count; i++) hash = addRun(hash, at(i));
      same(addWord(hash, faults), data.expected, `${count} runs, expected ${data.runs}; ${faults} faults`);
    },
    pass: () => keep(instance.runs()),
    timedPasses: instance.timedPasses,
    close: instance.close,
  }),
};
