/**
 * W2: a memfd's folios as the kernel hands them over, 16 bytes each: { u64 pfn:52, flags:12; u64 index },
 * little-endian, four million of them (64 MB). Summarised as runs: a run is as long as each page frame
 * number is one more than the one before it; flags and index do not end a run. What carryover's reader makes of
 * folios is measured in file-folios.mjs.
 *
 * @typedef {{ items: number, bytes: Uint8Array, runs: number, expected: number, capacity: number }} FolioData
 * @typedef {{ count: number, starts: ArrayLike<number | bigint>, lengths: ArrayLike<number> }} Runs
 */

import { keep } from '../keep.mjs';
import { addWord, SEED, same } from './checksum.mjs';
import { random } from './random.mjs';

export const COUNT = 4_000_000;

/** @param {number} hash @param {number | bigint} start @param {number} length */
export const addRun = (hash, start, length) =>
  addWord(addWord(addWord(hash, Number(start) >>> 0), Math.floor(Number(start) / 4294967296)), length);

/** @param {number} runLength the mean; lengths vary from 1 to almost twice it */
function makeData(runLength) {
  const next = random(2);
  const words = new Uint32Array(COUNT * 4);
  let expected = SEED;
  let runs = 0;
  let pfn = 0x100000;
  for (let i = 0, length = 0; i < COUNT; i += length) {
    // Every run starts elsewhere; some lie above 2^32 page frames.
    pfn += length + 1 + (i & 0xff);
    length = Math.min(1 + (next() % (2 * runLength - 1)), COUNT - i);
    const high = (runs & 15) === 15 ? 1 : 0;
    for (let k = 0; k < length; k++) {
      const at = (i + k) * 4;
      words[at] = pfn + k;
      words[at + 1] = high | ((k & 3) << 20);
      words[at + 2] = i + k;
    }
    expected = addRun(expected, high * 4294967296 + pfn, length);
    runs++;
  }
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) Buffer.from(words.buffer).swap32();
  return { items: COUNT, bytes: new Uint8Array(words.buffer), runs, expected, capacity: runs };
}

/** @param {number} length @returns {import('../types.d.ts').Group} */
const runsGroup = (length) => ({
  id: `W2-runs-${length}`,
  title: `4 million memfd folios (64 MB) as runs of page frames, ${length} in a run on average`,
  unit: 'folio',
  reference: 'hand-written',
  options: { length },
  contenders: [
    { label: 'hand-written', file: 'hand-folios', task: 'runs' },
    { label: 'C -O2', file: 'c', task: 'runs' },
  ],
});

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'folios',
  groups: [runsGroup(64), runsGroup(2)],
  data: (group) => makeData(/** @type {any} */ (group.options).length),
  /** instance.runs() -> Runs */
  drive: (_group, /** @type {any} */ instance, /** @type {FolioData} */ data) => ({
    verify() {
      if (instance.verify) return instance.verify(data.expected);
      const { count, starts, lengths } = /** @type {Runs} */ (instance.runs());
      let hash = SEED;
      for (let i = 0; i < count; i++) hash = addRun(hash, starts[i], lengths[i]);
      same(hash, data.expected, `${count} runs, expected ${data.runs}`);
    },
    pass: () => keep(instance.runs()),
    timedPasses: instance.timedPasses,
    close: instance.close,
  }),
};
