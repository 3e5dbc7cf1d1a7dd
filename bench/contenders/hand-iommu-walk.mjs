/** The tables of VT-d's second stage by hand: one array, pages of 4 KiB only, no checks. */
export const tasks = {
  /** @param {import('../works/iommu-walk.mjs').WalkData} data */
  walk({ bytes, base, root, runs }) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const iovas = new Float64Array(runs);
    const starts = new Float64Array(runs);
    const lengths = new Float64Array(runs);
    let count = 0;
    /** @param {number} frame @param {number} level @param {number} iova */
    const visit = (frame, level, iova) => {
      const first = (frame * 4096 - base) / 4;
      const span = 512 ** level;
      for (let i = 0; i < 512; i++) {
        const low = words[first + 2 * i];
        const high = words[first + 2 * i + 1];
        if ((low & 3) === 0) continue;
        const target = (low >>> 12) + (high & 0xfffff) * 1048576;
        const at = iova + i * span;
        if (level > 0) visit(target, level - 1, at);
        else if (
          count > 0 &&
          iovas[count - 1] + lengths[count - 1] === at &&
          starts[count - 1] + lengths[count - 1] === target
        )
          lengths[count - 1]++;
        else {
          iovas[count] = at;
          starts[count] = target;
          lengths[count++] = 1;
        }
      }
    };
    return {
      walk() {
        count = 0;
        visit(root / 4096, 3, 0);
        return {
          count,
          at: (/** @type {number} */ i) => /** @type {const} */ ([iovas[i], starts[i], lengths[i]]),
        };
      },
    };
  },
};
