/** The structs of every generation against what the compilers laid out (`fixtures/gcc/iommu.json`). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  type ABIName,
  decode,
  encode,
  fromHex,
  layoutOf,
  planOf,
  type Schema,
  toHex,
} from '../../../src/codec/index.js';
import * as schema from '../../../src/formats/iommu/schema.js';

interface Goldens {
  values: Record<string, Record<string, unknown>>;
  layouts: {
    abi: ABIName;
    structs: Record<string, { size: number; align: number; offsets: Record<string, number>; bytes: string }>;
  }[];
}
const goldens: Goldens = JSON.parse(
  readFileSync(new URL('../../../fixtures/gcc/iommu.json', import.meta.url), 'utf8'),
);

function armOf(devices: schema.DeviceSchemas, type: number): Schema {
  const found = devices.byType[type];
  if (found === undefined) throw new Error(`no arm for type ${type}`);
  return found;
}
const TYPES: Record<string, Schema> = {
  obj_b: schema.IommuObjSer,
  objs_b: schema.IommuObjsSer,
  flb_b: schema.IommuLuFlbSer,
  domain_a: schema.IommuDomainSerA,
  domain_b: schema.IommuDomainSerB,
  map_a: schema.DeviceDomainIommuSerA,
  map_b: schema.DeviceDomainIommuSerB,
  device_a: schema.DeviceSerA,
  device_b49: schema.DeviceSerB49,
  device_b: schema.DEVICES.B.declared,
  iommu_a: schema.IommuSerA,
  iommu_b: schema.IommuSerB,
  hdr_c: schema.IommuHdrSerBits,
  array_c: schema.IommuArrayHdrSer,
  flb_c: schema.IommuFlbSer,
  map_c: schema.IommuDevMapSer,
  domain_c: schema.IommuDomainSerC,
  device_c: schema.IommuDeviceSerC,
  device_d: schema.IommuDeviceSerD,
  device_di: schema.DEVICES.DIntel.declared,
  hw_c: schema.IommuHwSerC,
  hw_d: schema.IommuHwSerD,
  hw_di: schema.IommuHwSerDIntel,
  hdr_e: schema.IommuHdrSer,
  domain_e: schema.IommuDomainSerE,
  device_e: schema.DEVICES.E.declared,
  device_es: armOf(schema.DEVICES.ES, 2),
  hw_e: schema.IommuHwSerE,
  hw_es: schema.IommuHwSerES,
  flb_f: schema.IommuFlbSerVersioned,
  hw_f0: schema.IommuHwSerF0,
  device_f0: schema.IommuDeviceSerF0,
  domain_f: schema.IommuDomainSerF,
  device_f1: schema.DEVICES.F1.declared,
  device_fs: armOf(schema.DEVICES.FS, 2),
  device_f2: schema.DEVICES.F2.declared,
  hw_fs: schema.IommuHwSerFS,
};

/** 64-bit members of the goldens are numbers; decoding gives bigints. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

it('has goldens of every ABI and every struct', () => {
  expect(goldens.layouts.map(({ abi }) => abi).sort()).toEqual(Object.keys(ABI).sort());
  for (const { structs } of goldens.layouts) expect(Object.keys(structs)).toEqual(Object.keys(TYPES));
});

describe.each(goldens.layouts)('$abi', ({ abi: name, structs }) => {
  const abi = ABI[name];
  it.each(Object.entries(structs))('%s', (type, golden) => {
    const of = TYPES[type];
    if (of === undefined) throw new Error(`no schema for ${type}`);
    const plan = planOf(of, abi);
    expect([plan.size, plan.align]).toEqual([golden.size, golden.align]);
    const places = new Map<string, number | undefined>();
    for (const part of layoutOf(of, abi).parts) {
      if (part.part === 'hole') continue;
      if (!part.anonymous) places.set(part.path, part.offset);
      else
        for (const inner of part.inside?.parts ?? [])
          if (inner.part === 'member') places.set(inner.path, inner.offset);
    }
    for (const [member, offset] of Object.entries(golden.offsets))
      expect([member, places.get(member)]).toEqual([member, offset]);
    const value = goldens.values[type];
    expect(toHex(encode(of, value, { abi }))).toBe(golden.bytes);
    expect(plain(decode(of, fromHex(golden.bytes) ?? new Uint8Array(), { abi }))).toEqual(value);
  });
});

it('a union of another type keeps its bytes', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
  const value = decode(schema.DEVICES.ES.other, bytes, { abi: ABI.x86_64 });
  expect(value).toMatchObject({ driver: bytes.subarray(40) });
  const intel = armOf(schema.DEVICES.ES, 1);
  const again = decode(intel, bytes, { abi: ABI.x86_64 });
  expect(toHex(encode(intel, again, { abi: ABI.x86_64 }))).toBe(toHex(bytes));
});
