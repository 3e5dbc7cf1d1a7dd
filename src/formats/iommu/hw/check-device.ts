/** Compares what a device and its domain say with the tables that the hardware reads. */
import { hexText, many, type Walk } from '../../kho/walk.js';
import { IOMMU_HW } from './rules.js';
import type { DeviceClaim, SmmuDevice, Translation, VtdDevice, VtdUnit } from './types.js';
import { bdfText } from './vtd.js';

/**
 * Context present, same tables, same number of levels, same id, same PASID table. Nothing is found where the dump
 * lacks the tables: that was told when they were read.
 */
export function checkDevice(
  walk: Walk,
  claim: DeviceClaim,
  found: VtdDevice | SmmuDevice,
  unit: { readonly complete: boolean },
  path: string,
): void {
  const entry = 'stream' in found ? found.stream : found.context;
  if (entry === undefined) {
    if (unit.complete)
      walk.find(
        IOMMU_HW.context,
        path,
        undefined,
        `${bdfText(claim.id)} has no ${'stream' in found ? 'valid stream table entry' : 'present context entry'}.`,
      );
    return;
  }
  if ('pasids' in found) checkPasids(walk, claim, found, path);
  const { translation } = found;
  if (translation === undefined || translation.kind === 'unknown') {
    if ('pasids' in found && found.pasids?.complete === true && translation !== undefined)
      walk.find(IOMMU_HW['translation-type'], path, translation.address, translation.because);
    return;
  }
  if (translation.kind === 'blocked') {
    const rule = 'pasids' in found ? IOMMU_HW['pasid-entry'] : IOMMU_HW['translation-type'];
    walk.find(rule, path, translation.address, translation.because);
    return;
  }
  checkTranslation(walk, claim, translation, path, 'pasids' in found);
}

function checkPasids(walk: Walk, claim: DeviceClaim, { context, pasids }: VtdDevice, path: string): void {
  const { pasidTable, maxPasid } = claim;
  if (context === undefined || pasidTable === undefined) return;
  if (context.legacy !== undefined) {
    if (pasidTable !== 0n)
      walk.find(
        IOMMU_HW['pasid-table'],
        `${path}.pasid_table`,
        context.address,
        `The device has a PASID table at ${hexText(pasidTable)}, but its context entry is one of legacy mode.`,
      );
    return;
  }
  if (pasids === undefined) return;
  if (pasids.directory !== pasidTable) {
    walk.find(
      IOMMU_HW['pasid-table'],
      `${path}.pasid_table`,
      context.address,
      `The PASID directory is at ${hexText(pasids.directory)} by the context entry, and at ${hexText(pasidTable)} by the device.`,
    );
    return;
  }
  if (maxPasid !== undefined && BigInt(pasids.maxPasid) !== maxPasid)
    walk.find(
      IOMMU_HW['pasid-size'],
      `${path}.max_pasid`,
      context.address,
      `The directory has room for ${many(pasids.maxPasid, 'PASID')} by the context entry; max_pasid is ${maxPasid}.`,
    );
}

function checkTranslation(
  walk: Walk,
  { domain, attachmentId }: DeviceClaim,
  translation: Translation,
  path: string,
  vtd: boolean,
): void {
  const { address, because } = translation;
  if (translation.kind === 'pass-through') {
    walk.find(IOMMU_HW['translation-type'], path, address, because);
    return;
  }
  if (domain !== undefined && translation.table !== undefined) {
    if (translation.table !== domain.topTable)
      walk.find(
        IOMMU_HW['top-table'],
        path,
        address,
        `The hardware reads the tables at ${hexText(translation.table)}; those of the domain are at ${hexText(domain.topTable)}.`,
      );
    if (translation.level !== undefined && BigInt(translation.level) !== domain.topLevel)
      walk.find(
        IOMMU_HW.levels,
        path,
        address,
        `The hardware begins with a table of level ${translation.level}; top_level of the domain is ${domain.topLevel}.`,
      );
    if (vtd && domain.signExtend !== undefined && domain.signExtend !== (translation.format === 'x86_64'))
      walk.find(
        IOMMU_HW['translation-type'],
        path,
        address,
        `${because} The domain ${domain.signExtend ? 'has' : 'does not have'} sign_extend.`,
      );
  }
  // An ASID or VMID of an SMMU is no attachment id that the facts know of.
  if (
    vtd &&
    attachmentId !== undefined &&
    translation.id !== undefined &&
    BigInt(translation.id) !== attachmentId
  )
    walk.find(
      IOMMU_HW.did,
      path,
      address,
      `The domain id of the hardware's entry is ${translation.id}; the device says ${attachmentId}.`,
    );
}

/**
 * `context_tables_bitmap`: eight words, lowest first. Bit bus * 2 + half is set for each context table; in legacy
 * mode the one table of a bus has the bit of the lower half.
 */
export function checkBitmap(walk: Walk, unit: VtdUnit, words: readonly bigint[], path: string): void {
  const there = new Set(unit.tables.map(({ bus, half }) => bus * 2 + half));
  const missing: number[] = [];
  const extra: number[] = [];
  const isSet = (index: number): boolean => (((words[index >> 6] ?? 0n) >> BigInt(index & 63)) & 1n) === 1n;
  for (let index = 0; index < 512; index++) {
    const set = isSet(index);
    if (set === there.has(index)) continue;
    // A legacy context table serves both halves of its bus, so that either bit, or both, can stand for it.
    if (unit.mode === 'legacy') {
      if (set && (index & 1) === 1 && there.has(index - 1)) continue;
      if (!set && (index & 1) === 0 && isSet(index + 1)) continue;
    }
    (set ? extra : missing).push(index);
  }
  const say = (indices: readonly number[], what: string) => {
    const [first] = indices;
    if (first !== undefined)
      walk.find(
        IOMMU_HW.bitmap,
        path,
        unit.rootTable + BigInt(8 * first),
        `${many(indices.length, 'bit')} of context_tables_bitmap ${indices.length === 1 ? 'is' : 'are'} ${what}, the first for bus ${hexText(first >> 1)}${(first & 1) === 1 ? ', devices from 0x10 on' : ''}.`,
      );
  };
  say(missing, 'clear though the root table has a context table');
  say(extra, 'set though the root table has no context table');
}
