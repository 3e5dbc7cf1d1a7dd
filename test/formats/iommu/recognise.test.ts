/** Every layout is recognised in images that nobody names, decoded, and written back byte for byte. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/codec/index.js';
import { type IommuObject, iommuObjectBytes } from '../../../src/formats/iommu/index.js';
import { buildIommu, machine, SHAPES } from './builder.js';
import { broken, iommuOf, opened } from './support.js';

/** What a state fits besides, where it has nothing that tells them apart. */
const ALIKE: Readonly<Record<string, readonly string[]>> = {
  // No device has a PASID directory here, which is all that B adds, unless the stride tells.
  one: ['B49/B', 'E/E+S', 'F1/F1+S/F2'],
  many: ['F1/F1+S/F2'],
};

describe.each(Object.keys(SHAPES))('%s', (profile) => {
  const shape = SHAPES[profile];
  if (shape === undefined) throw new Error('no shape');
  it.each([4096, 16384, 65536])('pages of %d bytes', (pageSize) => {
    const capacity = Math.floor((pageSize - 16) / shape.device);
    // One device, several hundred, a page that is exactly full, and one more.
    for (const count of [1, 300, capacity, capacity + 1])
      for (const deleted of count === 300 ? [false, true] : [false]) {
        const built = buildIommu(machine(profile, pageSize, count, { deleted, ats: true }));
        const handover = opened(built);
        const value = iommuOf(handover);
        const alike = (count === 1 ? ALIKE.one : ALIKE.many)?.find((names) =>
          names.split('/').includes(profile),
        );
        const fits = value.candidates ?? [value.profile];
        const expected = profile === 'F2' ? ['F2'] : (alike?.split('/') ?? [profile]);
        expect([profile, pageSize, count, deleted, [...fits].sort()]).toEqual([
          profile,
          pageSize,
          count,
          deleted,
          [...expected].sort(),
        ]);
        expect([value.iommus.length, value.domains.length, value.devices.length]).toEqual([
          built.units.length,
          built.domains.length,
          built.devices.length,
        ]);
        expect(broken(handover)).toEqual(fits.length > 1 ? ['iommu/undecided'] : []);
        const forced = iommuOf(opened(built, { forced: { iommu: profile } }));
        expect(forced.profile).toBe(profile);
        expect(forced.because).toEqual([`the layout ${profile} is forced`]);
        const objects: readonly IommuObject[] = [...forced.iommus, ...forced.domains, ...forced.devices];
        for (const object of objects) {
          const bytes = iommuObjectBytes(object, handover.abi);
          expect(toHex(bytes ?? new Uint8Array())).toBe(
            toHex(built.slots.get(Number(object.address)) ?? new Uint8Array()),
          );
        }
        expect(forced.devices.map((device) => device.deleted)).toEqual(
          built.devices.map((_, i) => deleted && i % 10 === 9),
        );
      }
  });
});
