/** What one entry says, in each format: read from its two halves, into an object that is used again. */
import { AMD, AMD_ENCODED_SIZE, ARM, RISCV, VTDSS, X86 } from './bits.js';
import { shiftOf, type TableGeometry } from './geometry.js';
import { MAY_READ, MAY_WRITE, type TableFormat, type TableProblemKind } from './types.js';

export const NOTHING = 0;
export const TABLE = 1;
export const LEAF = 2;

export interface Entry {
  kind: typeof NOTHING | typeof TABLE | typeof LEAF;
  /** Page frame (of 4 KiB) of the table, or of the page that a leaf is in. */
  frame: number;
  permissions: number;
  /** Size of the page as a power of two; larger than what the entry spans where several make one page. */
  shift: number;
  problem: TableProblemKind | undefined;
  detail: string;
}
export function newEntry(): Entry {
  return { kind: NOTHING, frame: 0, permissions: 0, shift: 0, problem: undefined, detail: '' };
}

/** Reads an entry that is not zero. */
export type EntryReader = (
  low: number,
  high: number,
  level: number,
  geometry: TableGeometry,
  out: Entry,
) => void;

const bit = (position: number) => (2 ** (position % 32)) | 0;
const HIGH_FRAMES = 2 ** 20;
const NOT_PRESENT = 'is not zero but not present';

function refuse(out: Entry, problem: TableProblemKind, detail: string): void {
  out.kind = NOTHING;
  out.problem = problem;
  out.detail = detail;
}
function table(out: Entry, frame: number, permissions: number): void {
  out.kind = TABLE;
  out.frame = frame;
  out.permissions = permissions;
}
/** `ignored`: bits of the page frame that are something else in large pages. */
function leaf(out: Entry, frame: number, permissions: number, shift: number, ignored: number): void {
  // Most pages are small: powers and remainders of numbers this large cost more than all the rest.
  const low = shift === 12 ? 0 : frame % 2 ** (shift - 12);
  out.kind = LEAF;
  out.frame = frame - low;
  out.permissions = permissions;
  out.shift = shift;
  if (low !== 0 && low !== (low & ignored)) {
    out.problem = 'misaligned';
    out.detail = `has address bits below its size of 2^${shift} bytes`;
  }
}
function reserve(out: Entry, detail: string): void {
  out.problem = 'reserved';
  out.detail = detail;
}

const vtdss: EntryReader = (low, high, level, geometry, out) => {
  const permissions = low & 3;
  if (permissions === 0)
    return refuse(out, 'not-present', 'is not zero, but allows neither reading nor writing');
  const frame = (low >>> 12) + (high & 0xfffff) * HIGH_FRAMES;
  if (level === 0 || (low & VTDSS_PS) !== 0) {
    if (level > 2) return refuse(out, 'page-size', 'maps a page larger than 1 GiB, which the format has not');
    return leaf(out, frame, permissions, shiftOf(geometry, level), 0);
  }
  table(out, frame, permissions);
  if ((low & VTDSS_SNP) !== 0 || (high & VTDSS_62) !== 0)
    reserve(out, 'leads to a table and has bit 11 or 62 set');
};
const VTDSS_PS = bit(VTDSS.PS);
const VTDSS_SNP = bit(VTDSS.SNP);
const VTDSS_62 = bit(VTDSS.RESERVED_62);

const x86: EntryReader = (low, high, level, geometry, out) => {
  if ((low & 1) === 0) return refuse(out, 'not-present', NOT_PRESENT);
  // A request of a device has user privilege: without U it is refused.
  const permissions = (low & X86_U) === 0 ? 0 : MAY_READ | (low & MAY_WRITE);
  const frame = (low >>> 12) + (high & 0xfffff) * HIGH_FRAMES;
  if (level === 0) return leaf(out, frame, permissions, 12, 0);
  if ((low & X86_PS) === 0) return table(out, frame, permissions);
  if (level > 2) return refuse(out, 'page-size', 'maps a page larger than 1 GiB, which the format has not');
  leaf(out, frame, permissions, shiftOf(geometry, level), X86_PAT);
};
const X86_U = bit(X86.U);
const X86_PS = bit(X86.PS);
const X86_PAT = 1 << (X86.PAT_LARGE - 12);

const amdv1: EntryReader = (low, high, level, geometry, out) => {
  if ((low & 1) === 0) return refuse(out, 'not-present', NOT_PRESENT);
  const permissions = (high >>> (AMD.IR - 32)) & 3;
  const frame = (low >>> 12) + (high & 0xfffff) * HIGH_FRAMES;
  const next = (low >>> AMD.NEXT_LEVEL) & 7;
  if (next === 0 || next === AMD_ENCODED_SIZE) {
    let shift = shiftOf(geometry, level);
    if (level > 4) return refuse(out, 'page-size', 'maps memory in a table of the sixth level');
    let start = frame;
    if (next === AMD_ENCODED_SIZE) {
      // The run of ones in the low bits of the address, with the zero above it, is one bit short of the size.
      let ones = 0;
      while (ones < 40 && Math.floor(frame / 2 ** ones) % 2 === 1) ones++;
      const size = 13 + ones;
      if (size < shift || size >= shift + geometry.indexBits)
        return refuse(out, 'page-size', `encodes a page of 2^${size} bytes, which level ${level} has not`);
      shift = size;
      start = frame - (2 ** ones - 1);
    }
    leaf(out, start, permissions, shift, 0);
    if ((high & AMD_LEAF_RESERVED) !== 0) reserve(out, 'has bits 52 to 58 set');
    return;
  }
  if (next !== level)
    return refuse(
      out,
      'level-mismatch',
      level === 0
        ? `names ${next} as the next level, in a table of the last`
        : `names ${next} as the next level, not ${level}`,
    );
  table(out, frame, permissions);
  if ((high & AMD_TABLE_RESERVED) !== 0) reserve(out, 'leads to a table and has bits 52 to 59 set');
};
const AMD_LEAF_RESERVED = 0x07f00000;
const AMD_TABLE_RESERVED = 0x0ff00000;

const riscv64: EntryReader = (low, high, level, geometry, out) => {
  if ((low & 1) === 0) return refuse(out, 'not-present', NOT_PRESENT);
  const frame = (low >>> RISCV.PPN) + (high & 0x3fffff) * 2 ** 22;
  const reserved = (high & RISCV_RESERVED) !== 0;
  if ((low & RISCV_RWX) === 0) {
    if (level === 0) return refuse(out, 'level-mismatch', 'leads to a table from a table of the last level');
    table(out, frame, MAY_READ | MAY_WRITE);
    if (reserved || (high & RISCV_TABLE_HIGH) !== 0 || (low & RISCV_TABLE_LOW) !== 0)
      reserve(out, 'leads to a table and has U, A, D, PBMT, N or bits 54 to 60 set');
    return;
  }
  const permissions = (low >>> RISCV.R) & 3;
  const shift = shiftOf(geometry, level);
  if ((high & RISCV_N) === 0) leaf(out, frame, permissions, shift, 0);
  else if (level !== 0 || frame % 16 !== 8)
    return refuse(out, 'page-size', 'is marked as a part of a larger page, but not of 64 KiB');
  else leaf(out, frame - 8, permissions, 16, 0);
  if (reserved || permissions === MAY_WRITE) reserve(out, 'has bits 54 to 60 set, or W without R');
};
const RISCV_RWX = 0xe;
const RISCV_RESERVED = 0x1fc00000;
const RISCV_TABLE_LOW = bit(RISCV.U) | bit(RISCV.A) | bit(RISCV.D);
const RISCV_TABLE_HIGH = 0xe0000000 | 0;
const RISCV_N = bit(RISCV.N);

const arm =
  (stage: 1 | 2): EntryReader =>
  (low, high, level, geometry, out) => {
    if ((low & 1) === 0) return refuse(out, 'not-present', 'is not zero but not valid');
    const { granuleShift } = geometry;
    let frame = (low >>> 12) + (high & 0xffff) * HIGH_FRAMES;
    if (granuleShift === 16) {
      const above = frame % 16;
      frame += above * 2 ** 36 - above;
    }
    const full = (low & ARM_TABLE) !== 0;
    if (full && level > 0) {
      const odd = frame % 2 ** (granuleShift - 12);
      table(
        out,
        frame - odd,
        stage === 1 && (high & ARM_TABLE_READ_ONLY) !== 0 ? MAY_READ : MAY_READ | MAY_WRITE,
      );
      if (odd !== 0 || (high & ARM_TABLE_RESERVED) !== 0)
        reserve(out, 'leads to a table and has bits 48 to 50, or address bits below the granule, set');
      return;
    }
    if (!full && !geometry.leafLevels.includes(level))
      return refuse(
        out,
        'page-size',
        level === 0 ? 'is a block in a table of pages' : 'is a block, which this level has not',
      );
    const dirty = (high & ARM_DBM) === 0 ? 0 : MAY_WRITE;
    const permissions =
      stage === 2
        ? ((low >>> ARM.S2AP_READ) & 3) | dirty
        : MAY_READ | dirty | ((low & ARM_READ_ONLY) === 0 ? MAY_WRITE : 0);
    leaf(out, frame, permissions, shiftOf(geometry, level), level === 0 ? 0 : ARM_NT);
    if ((high & ARM_LEAF_RESERVED) !== 0) reserve(out, 'has bits 48 or 49 set');
  };
const ARM_TABLE = bit(ARM.TABLE);
const ARM_TABLE_READ_ONLY = bit(ARM.AP_TABLE_READ_ONLY);
const ARM_TABLE_RESERVED = 0x70000;
const ARM_LEAF_RESERVED = 0x30000;
const ARM_DBM = bit(ARM.DBM);
const ARM_READ_ONLY = bit(ARM.AP_READ_ONLY);
const ARM_NT = 1 << (ARM.NT - 12);

export const entryReaders: Readonly<Record<TableFormat, EntryReader>> = Object.freeze({
  vtdss,
  x86_64: x86,
  amdv1,
  riscv64,
  'armv8-s1': arm(1),
  'armv8-s2': arm(2),
});

/** Bits of an entry's lower half that the hardware sets by itself: replicas may differ in them. */
export function hardwareBits(format: TableFormat): number {
  if (format === 'amdv1') return bit(AMD.A) | bit(AMD.D);
  return format === 'riscv64' ? bit(RISCV.A) | bit(RISCV.D) : 0;
}
/** By how much the lower half of an entry grows from one page of 2^shift bytes to the next. */
export function entryStep(format: TableFormat, shift: number): number {
  const step = format === 'riscv64' ? shift - 2 : shift;
  return step < 32 ? 2 ** step : Number.NaN;
}
