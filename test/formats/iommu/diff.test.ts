/** How the parts of two states of the IOMMU are named where they differ. */
import { expect, it } from 'vitest';
import { diff, openDump } from '../../../src/state/index.js';
import { buildIommu } from './builder.js';

function state(base: number) {
  const built = buildIommu({
    profile: 'F2',
    pageSize: 4096,
    units: [{ base }],
    domains: [{}],
    devices: [{ devid: 0x3a08, domain: 0, unit: 0, id: 2, token: 7n, ats: true }],
  });
  return {
    kind: 'handover',
    state: openDump(built.memory.image(62), { khoFdt: BigInt(built.root) }),
  } as const;
}

it('an IOMMU goes by the address of its registers, in hexadecimal', () => {
  const paths = diff(state(0xfed90000), state(0xfed91000)).differences.map(({ path }) => path);
  expect(paths.length).toBeGreaterThan(0);
  for (const path of paths) expect(path).toContain('.iommu.iommus[0xfed90000]');
});
