import { PreservedMap } from '../../dist/node/formats/kho/index.js';
import { FolioReader } from '../../dist/node/formats/memfd/index.js';

const PAGE = 4096;
/** As large as the windows that the decoder reads. */
const WINDOW = 1 << 20;

export const tasks = {
  /** @param {import('../works/file-folios.mjs').FileData} data */
  runs({ bytes, starts, counts, orders, filePages }) {
    const map = new PreservedMap(PAGE, starts, counts, orders, true);
    return {
      runs() {
        const reader = new FolioReader(map, true, filePages);
        for (let at = 0; at < bytes.length; at += WINDOW) reader.push(bytes.subarray(at, at + WINDOW));
        const runs = reader.done();
        const { faults } = reader;
        return {
          count: runs.length,
          faults:
            faults.none +
            faults.unpreserved +
            faults.unknownFlags +
            faults.misaligned +
            faults.unordered +
            faults.twice +
            faults.beyond,
          at: (/** @type {number} */ i) => {
            const { index, pfn, count, flags } = runs.at(i);
            return /** @type {const} */ ([Number(index), Number(pfn), count, flags]);
          },
        };
      },
    };
  },
};
