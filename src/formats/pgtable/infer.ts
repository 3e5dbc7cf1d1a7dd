/**
 * Which format the tables of a domain have: it is not serialized. What the hardware is told decides (PASID and
 * context entries, stream tables), then sign extension, then what the entries themselves look like.
 */
import type { Image } from '../../memory/index.js';
import { FRAME } from './frame.js';
import { geometryOf } from './geometry.js';
import { type Granule, TABLE_FORMATS, type TableFormat, type TablePages } from './types.js';
import { walkTables } from './walk.js';

export interface FormatEvidence {
  /** Physical address of the topmost table. */
  readonly table: bigint;
  readonly level: number;
  readonly vasz: number | undefined;
  readonly signExtend: boolean;
  /** What the hardware's own tables say about devices of the domain. */
  readonly translations?: readonly {
    readonly format: TableFormat | undefined;
    readonly granule?: Granule;
    readonly because: string;
  }[];
  /** Whose the IOMMU is. */
  readonly vendor?: 'intel' | 'arm-smmuv3' | 'amd' | 'riscv';
  /** Formats that are asked about; all by default. */
  readonly among?: readonly TableFormat[];
}

export interface FormatInference {
  readonly format: TableFormat;
  /** Granule of the ARMv8 formats. */
  readonly granule: Granule;
  /** 1: the hardware says so; down to 0: it might be anything. */
  readonly confidence: number;
  /** Why, in sentences. */
  readonly because: readonly string[];
  /** The next best, and how well it fits. */
  readonly runnerUp: { readonly format: TableFormat; readonly confidence: number } | undefined;
}

const BY_VENDOR: Readonly<Record<NonNullable<FormatEvidence['vendor']>, readonly TableFormat[]>> = {
  intel: ['vtdss', 'x86_64'],
  'arm-smmuv3': ['armv8-s1', 'armv8-s2'],
  amd: ['amdv1', 'x86_64'],
  riscv: ['riscv64'],
};
const VENDOR_NAMES = { intel: 'VT-d', 'arm-smmuv3': 'SMMUv3', amd: "AMD's", riscv: "RISC-V's" } as const;

/** Tables that are looked at to tell how well a format fits. */
const SAMPLE = 24;

/** Chooses the format, with reasons. Never throws; says with its confidence how far it can be trusted. */
export function inferFormat(image: Image, evidence: FormatEvidence): FormatInference {
  const because: string[] = [];
  const told = (evidence.translations ?? []).filter(
    (translation): translation is typeof translation & { format: TableFormat } =>
      translation.format !== undefined,
  );
  const [first] = told;
  if (first !== undefined) {
    const other = told.find(({ format }) => format !== first.format);
    because.push(first.because);
    if (other !== undefined) because.push(`Another device contradicts it: ${other.because}`);
    return {
      format: first.format,
      granule: first.granule ?? 4096,
      confidence: other === undefined ? 1 : 0.5,
      because,
      runnerUp: other === undefined ? undefined : { format: other.format, confidence: 0.5 },
    };
  }

  let candidates = evidence.among ?? TABLE_FORMATS;
  const { vendor } = evidence;
  if (vendor !== undefined) {
    const ofVendor = candidates.filter((format) => BY_VENDOR[vendor].includes(format));
    if (ofVendor.length > 0) candidates = ofVendor;
    because.push(`The IOMMU is ${VENDOR_NAMES[vendor]}, which reads ${list(BY_VENDOR[vendor])}.`);
  }
  if (evidence.signExtend) {
    const extending = candidates.filter((format) => format === 'x86_64' || format === 'riscv64');
    if (extending.length > 0) candidates = extending;
    if (candidates.includes('x86_64'))
      because.push('Addresses are sign extended, which in Linux those of x86_64 tables are.');
  }
  const scores = candidates
    .flatMap((format) =>
      granulesOf(format).map((granule) => ({ format, granule, ...score(image, evidence, format, granule) })),
    )
    .sort((a, b) => b.fit - a.fit);
  const [best, ...others] = scores;
  // The lists above are never empty unless the caller asked about no format at all.
  if (best === undefined)
    return {
      format: 'vtdss',
      granule: 4096,
      confidence: 0,
      because: [...because, 'No format was asked about.'],
      runnerUp: undefined,
    };
  const next = others.find(({ format }) => format !== best.format);
  because.push(best.sentence);
  if (next !== undefined)
    because.push(
      next.fit === best.fit
        ? `They would fit ${next.format} as well.`
        : `As ${next.format}: ${next.sentence}`,
    );
  const margin = next === undefined ? 1 : best.fit - next.fit;
  // One format that is left is likely for that alone; entries that say nothing make no format certain.
  const sure = next === undefined ? 0.9 : Math.min(0.85, 0.3 + 0.55 * margin);
  return {
    format: best.format,
    granule: best.granule,
    confidence: round(Math.max(0, Math.min(1, sure * (best.seen === 0 && next !== undefined ? 0.3 : 1)))),
    because,
    runnerUp:
      next === undefined
        ? undefined
        : { format: next.format, confidence: round(Math.max(0, next.fit) * 0.5) },
  };
}

const round = (value: number) => Math.round(value * 100) / 100;
const list = (formats: readonly TableFormat[]) => formats.join(' or ');

function granulesOf(format: TableFormat): readonly Granule[] {
  return format.startsWith('armv8') ? [4096, 16384, 65536] : [4096];
}

/** Walks a few tables and weighs the entries that make sense against those that do not. */
function score(
  image: Image,
  { table, level, vasz, signExtend }: FormatEvidence,
  format: TableFormat,
  granule: Granule,
): { readonly fit: number; readonly seen: number; readonly sentence: string } {
  const geometry = geometryOf(format, granule);
  const name = granule === FRAME ? format : `${format} with pages of ${granule / 1024} KiB`;
  if (level > geometry.maxTop)
    return { fit: -1, seen: 0, sentence: `${name} has no topmost table of level ${level}.` };
  const walk = walkTables(
    image,
    { format, granule, table, level, vasz, signExtend },
    { limits: { tables: SAMPLE, mappings: 64 } },
  );
  let good = 0;
  for (const { tableEntries, leafEntries } of walk.levels) good += tableEntries + leafEntries;
  let bad = 0;
  for (const [kind, count] of walk.counts) if (kind !== 'limit' && kind !== 'unreachable') bad += count;
  // Entries that allow nothing are present in form only.
  let idle = 0;
  for (let i = 0; i < walk.mappings.length; i++) if (walk.mappings.permissionsAt(i) === 0) idle++;
  const leaves = walk.levels.reduce((sum, { leafEntries }) => sum + leafEntries, 0);
  // Memory is mapped in pieces of more than one page: read with the wrong granule, they fall apart.
  const whole = leaves === 0 ? 0 : 0.2 * (1 - walk.mappings.length / leaves);
  const bonus = whole + conventions(image, format, walk.tables);
  const seen = good + bad;
  const below = level < geometry.minTop ? 0.2 : 0;
  const fit = (seen === 0 ? 0 : (good - bad - idle) / seen) + bonus - below;
  return {
    fit,
    seen,
    sentence:
      seen === 0
        ? `The table at 0x${table.toString(16)} has no entries to judge by.`
        : `As ${name}, ${good} entries make sense and ${bad} do not.`,
  };
}

/** What Linux always sets in entries: worth a little where several formats fit. */
function conventions(image: Image, format: TableFormat, tables: TablePages): number {
  const usual = USUAL[format];
  let seen = 0;
  let right = 0;
  for (let i = 0; i < tables.length; i++) {
    const bytes = new Uint8Array(FRAME);
    image.readInto(BigInt(tables.frameAt(i)) * BigInt(FRAME), bytes);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < FRAME; at += 8) {
      const low = view.getUint32(at, true);
      const high = view.getUint32(at + 4, true);
      if (low === 0 && high === 0) continue;
      seen++;
      if (usual(low, high)) right++;
    }
  }
  return seen === 0 ? 0 : (0.3 * right) / seen;
}
const USUAL: Readonly<Record<TableFormat, (low: number, high: number) => boolean>> = {
  // Reading and writing, and nothing else below the address.
  vtdss: (low, high) => (low & 0x77c) === 0 && (low & 3) === 3 && high < 2 ** 20,
  // Present, writable, for user privilege, accessed.
  x86_64: (low) => (low & 0x27) === 0x27,
  // Present, with permissions at the top.
  amdv1: (low, high) => (low & 1) === 1 && high >= 2 ** 29,
  // Nothing but V and an address, or a leaf that was accessed.
  riscv64: (low) => (low & 0x3ff) === 1 || (low & 0x43) === 0x43,
  // A table without attributes, or a descriptor with its access flag. Stage 1 is not global and sets no NS;
  // stage 2 has attributes of memory where NS is, and permissions.
  'armv8-s1': (low) => (low & 0xfff) === 3 || (low & 0xc21) === 0xc01,
  'armv8-s2': (low) => (low & 0xfff) === 3 || ((low & 0xc01) === 0x401 && (low & 0xc0) !== 0),
};
