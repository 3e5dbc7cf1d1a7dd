import { walkTables } from '../../dist/node/formats/pgtable/index.js';
import { bytesSource, openImage } from '../../dist/node/memory/index.js';

export const tasks = {
  /** @param {import('../works/iommu-walk.mjs').WalkData} data */
  walk({ bytes, base, root, runs }) {
    const image = openImage(bytesSource(bytes), { raw: { base: BigInt(base) } });
    const shape = /** @type {const} */ ({
      format: 'vtdss',
      table: BigInt(root),
      level: 3,
      vasz: 48,
      signExtend: false,
    });
    return {
      walk() {
        const { mappings, problems } = walkTables(image, shape, { limits: { mappings: runs } });
        if (problems.length > 0) throw new Error(problems[0].sentence);
        return {
          count: mappings.length,
          at: (/** @type {number} */ i) =>
            /** @type {const} */ ([mappings.iovaFrameAt(i), mappings.physFrameAt(i), mappings.framesAt(i)]),
        };
      },
    };
  },
};
