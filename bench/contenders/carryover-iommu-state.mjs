import { buildHandover, contentsOfBuilt } from '../../dist/node/build/index.js';
import { openHandover } from '../../dist/node/formats/kho/index.js';
import { bytesSource, openImage, writeMemory } from '../../dist/node/memory/index.js';

const GIB = 2 ** 30;

/** @param {number} size in bytes, of which the image says nothing @param {object} iommu */
const build = (size, iommu) =>
  buildHandover({
    sessions: [
      { name: 'vm', files: [{ token: 1, memfd: { folio_order: 9, contents: [{ absent: true, size }] } }] },
    ],
    flbs: [{ iommu }],
  });

const machine = () =>
  build(GIB, {
    units: Array.from({ length: 8 }, () => ({ mode: 'scalable' })),
    domains: Array.from({ length: 64 }, (_, i) => ({
      name: `domain${i}`,
      map: [{ iova: 0, size: GIB, file: 'vm/1' }],
    })),
    devices: Array.from({ length: 256 }, (_, i) => ({
      bdf: `0000:${(i >> 3).toString(16).padStart(2, '0')}:00.${i & 7}`,
      unit: i % 8,
      domain: `domain${i >> 2}`,
    })),
  });

const large = () =>
  build(64 * GIB, {
    domains: [{ name: 'a', map: [{ iova: 0, size: 64 * GIB, file: 'vm/1', page: 4096 }] }],
    devices: [{ bdf: '0000:01:00.0', domain: 'a' }],
  });

/** @param {ReturnType<typeof build>} built */
const tables = ({ regions }) => regions.find(({ label }) => label === 'flbs[0].iommu.domains[0].tables');

/** @param {Record<string, unknown[]>} state */
const objects = ({ iommus, domains, devices }) =>
  (iommus?.length ?? 0) + (domains?.length ?? 0) + (devices?.length ?? 0);

export const tasks = {
  build() {
    const { regions } = machine();
    // Each unit has a root table, each domain tables, each device a PASID directory.
    return () => ({
      objects: regions.filter(({ label }) =>
        /^flbs\[0\]\.iommu\.(units\[\d+\]\.(root_table|pasids\[\d+\])|domains\[\d+\]\.tables)$/.test(label),
      ).length,
    });
  },
  decode() {
    const image = openImage(
      bytesSource(new Uint8Array(Buffer.concat([...writeMemory('elf', contentsOfBuilt(machine()))]))),
    );
    const { value, findings } = openHandover(image);
    return () => {
      const { flbs } = /** @type {any} */ (value.entries.LUO);
      return { objects: objects(flbs[0].iommu), findings: findings.length };
    };
  },
  tables() {
    const built = large();
    return () => ({ pages: tables(built)?.pages });
  },
  write() {
    let bytes = 0;
    for (const piece of writeMemory('elf', contentsOfBuilt(large()))) bytes += piece.length;
    return () => ({ tables: bytes > 2 ** 27 });
  },
};
