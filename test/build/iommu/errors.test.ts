/** What no kernel would hand over is not built, and the error says where in the spec it stands. */
import { expect, it } from 'vitest';
import { buildHandover, filesIn, readDocument, readHandoverSpec } from '../../../src/build/index.js';
import type { IommuSpec } from '../../../src/build/iommu/index.js';
import { CarryoverError } from '../../../src/codec/index.js';
import { specWith } from './support.js';

const bdf = '0000:01:00.0';
const named = (more: object, unit: object = {}): IommuSpec => ({
  units: [unit],
  domains: [{ name: 'd', ...more }],
  devices: [{ bdf, domain: 'd' }],
});
const mapped = (map: object, more: object = {}) =>
  named({ map: [{ iova: 0, size: 4096, phys: 0, ...map }], ...more });

/** Where the error is, and words of it. */
const CASES: readonly (readonly [IommuSpec, string, RegExp])[] = [
  [{ devices: [{ bdf, unit: 1 }] }, 'devices[0].unit', /1 units/],
  [{ devices: [{ bdf, domain: 'x' }] }, 'devices[0].domain', /no domain is called "x"/],
  [{ devices: [{ bdf: '1:2' }] }, 'devices[0].bdf', /no segment/],
  [{ devices: [{ bdf }, { bdf }] }, 'devices[1].bdf', /devices\[0\] is/],
  [{ devices: [{ bdf }, { bdf: '0001:01:00.0' }] }, 'devices[1].bdf', /does not tell segments apart/],
  [{ devices: [{ bdf, did: 1 }] }, 'devices[0].did', /2 to 65535/],
  [
    {
      devices: [
        { bdf, did: 5 },
        { bdf: '0000:01:00.1', did: 5 },
      ],
    },
    'devices[1].did',
    /another domain/,
  ],
  [
    {
      domains: [{ name: 'd' }],
      devices: [
        { bdf, domain: 'd', did: 5 },
        { bdf: '0000:01:00.1', domain: 'd', did: 6 },
      ],
    },
    'devices[1].did',
    /another id/,
  ],
  [{ devices: [{ bdf, max_pasid: 32768 }] }, 'devices[0].max_pasid', /legacy/],
  [
    { units: [{ mode: 'scalable' }], devices: [{ bdf, max_pasid: 1000 }] },
    'devices[0].max_pasid',
    /power of two/,
  ],
  [{ profile: 'E', devices: [{ bdf, token: 1 }] }, 'devices[0].token', /no token/],
  [{ profile: 'F1', devices: [{ bdf, ats: 'off' }] }, 'devices[0].ats', /ATS/],
  [{ units: [{ type: 'smmuv3' }] }, 'units[0].type', /no part of smmuv3/],
  [{ profile: 'C', units: [{ type: 'intel' }] }, 'units[0].type', /no part of intel/],
  [{ profile: 'A', units: [{ mode: 'scalable' }] }, 'units[0].mode', /no PASID tables/],
  [{ profile: 'E+S', units: [{ type: 'smmuv3', mode: 'scalable' }] }, 'units[0].mode', /no modes/],
  [{ units: [{ phys_addr: 12 }] }, 'units[0].phys_addr', /multiple of 4096/],
  [
    {
      units: [{ phys_addr: 4096 }, { phys_addr: 4096 }],
      devices: [{ bdf }, { bdf: '0000:01:00.1', unit: 1 }],
    },
    'units[1].phys_addr',
    /are at 0x1000 too/,
  ],
  [{ units: [{ deleted: true }], devices: [{ bdf }] }, 'units[0].deleted', /1 live/],
  [named({ deleted: true }), 'domains[0].deleted', /1 live/],
  [{ domains: [{ name: 'd' }, { name: 'd' }] }, 'domains[1].name', /called "d" too/],
  [
    { domains: [{ deleted: true, map: [{ iova: 0, size: 4096, phys: 0 }] }] },
    'domains[0].map',
    /not preserved/,
  ],
  [named({ format: 'x86_64' }), 'domains[0].format', /vtd-legacy/],
  [named({ format: 'amdv1' }, { mode: 'scalable' }), 'domains[0].format', /vtd-scalable/],
  [named({ sign_extend: true }), 'domains[0].sign_extend', /first stage/],
  [named({ vasz: 60 }), 'domains[0].vasz', /no tables of vtdss hold 60/],
  [named({ vasz: 57, top_level: 3 }), 'domains[0]', /does not hold/],
  [named({ top_level: 5 }), 'domains[0]', /no topmost table/],
  [mapped({ iova: 100 }), 'domains[0].map[0].iova', /multiple of 4096/],
  [mapped({ size: 0 }), 'domains[0].map[0].size', /at least a page/],
  [mapped({ iova: 1n << 48n }), 'domains[0].map[0].iova', /48 bits/],
  [mapped({ phys: 1n << 52n }), 'domains[0].map[0].phys', /52 bits/],
  [mapped({ page: 8192 }), 'domains[0].map[0].page', /1073741824, 2097152, 4096/],
  [mapped({ file: 'vmm/1' }), 'domains[0].map[0]', /a file or/],
  [mapped({ phys: undefined, file: 'vmm/9' }), 'domains[0].map[0].file', /no file/],
  [mapped({ phys: undefined, file: 'vmm/1' }), 'domains[0].map[0]', /no folio for the offset 0x0/],
  [mapped({ offset: 4096 }), 'domains[0].map[0].offset', /only files/],
  [mapped({ read: false, write: false }), 'domains[0].map', /permissions/],
  [
    named({
      map: [
        { iova: 0, size: 8192, phys: 0 },
        { iova: 4096, size: 4096, phys: 0 },
      ],
    }),
    'domains[0].map[1].iova',
    /mapped by/,
  ],
];

it.each(CASES.map(([spec, path, reason]) => [path, reason, spec] as const))(
  '%s: %s',
  (path, reason, spec) => {
    let error: unknown;
    try {
      buildHandover(specWith(spec));
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof CarryoverError)) throw new Error(`no error of carryover: ${String(error)}`);
    expect(error.code).toBe('build-value');
    expect(error.path).toEqual([`flbs[0].iommu.${path}`]);
    expect(error.message).toMatch(reason);
  },
);

it('a spec that says something else is told its line', () => {
  expect(() => readHandoverSpec('flbs:\n  - iommu:\n      profile: Z\n')).toThrow(/3/);
  expect(() => readHandoverSpec('flbs:\n  - iommu:\n      devices:\n        - unit: 1\n')).toThrow(/bdf/);
});

it('files of mappings are preserved ones, not files beside the spec', () => {
  const document = readDocument(`
sessions:
  - { name: vmm, files: [{ token: 1, memfd: { contents: [{ file: disk.img }] } }] }
flbs:
  - iommu: { domains: [{ map: [{ iova: 0, size: 4 KiB, file: vmm/1 }] }] }
`);
  expect(filesIn(document).map(({ name }) => name)).toEqual(['disk.img']);
});
