/** What the second judge printed of built states is what the decoder finds in them, and what it refuses none of. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { openHandover } from '../../../src/formats/kho/index.js';
import { isRecord } from '../../../src/formats/kho/record.js';
import { bytesSource, openImage } from '../../../src/memory/index.js';
import { fixturePath } from '../../memory/fixtures.js';
import { builtIommuCases } from '../judge-built-iommu.js';
import { iommuOf, problems } from './support.js';

interface Golden {
  readonly name: string;
  readonly refused?: string;
  readonly lines: readonly Readonly<Record<string, string>>[];
}
const goldens = JSON.parse(
  gunzipSync(readFileSync(fixturePath('judge/build-iommu.json.gz'))).toString(),
) as readonly Golden[];

/** A member by its path; the judge numbers the words of an array, and calls the part of an SMMU shorter. */
function member(object: unknown, path: string): unknown {
  let value = object;
  for (const name of path.replace('smmuv3.', 'arm_smmu_v3.').split('.'))
    value = isRecord(value) || Array.isArray(value) ? (value as Record<string, unknown>)[name] : undefined;
  return value;
}
/** Members of structs inside: the judge has all in one row. */
function found(object: Readonly<Record<string, unknown>>, name: string): unknown {
  const inside = ['', 'obj.', 'hdr.', 'map.', 'domain_iommu_ser.'].map((part) => member(object, part + name));
  return inside.find((value) => typeof value === 'bigint' || typeof value === 'number');
}

it.each([...builtIommuCases()])('$name', (one) => {
  const golden = goldens.find(({ name }) => name === one.name);
  expect(golden?.refused).toBeUndefined();
  const profile = one.generation.replace('iommu-', '');
  const handover = openHandover(openImage(bytesSource(one.elf())), { forced: { iommu: profile } });
  const allowed = problems(handover).filter((line) => !line.startsWith('iommu/domain-unused'));
  expect(allowed).toEqual([]);
  const { root, iommus, domains, devices } = iommuOf(handover);
  const [head, ...lines] = golden?.lines ?? [];
  expect(BigInt(head?.address ?? 0)).toBe(root.address);
  const objects = [...iommus, ...domains, ...devices];
  expect(lines.length).toBe(objects.length);
  let compared = 0;
  for (const [i, object] of objects.entries()) {
    for (const [name, text] of Object.entries(lines[i] ?? {})) {
      const value = name === 'address' ? object.address : found(object, name);
      if (typeof value !== 'bigint' && typeof value !== 'number') continue;
      expect(BigInt(value), `${one.name} ${i} ${name}`).toBe(BigInt(text));
      compared++;
    }
    expect(object.deleted).toBe((BigInt(lines[i]?.deleted ?? lines[i]?.flags ?? 0) & 1n) === 1n);
  }
  expect(compared).toBeGreaterThan(objects.length * 5);
});
