/**
 * What libfdt says to a device tree: `fdt_check_header`, which kernels call before they look at anything
 * else, and `fdt_check_full`, which walks the whole tree. Both as of libfdt 1.6 and 1.7, quirks included.
 */

import { dataView } from '../../codec/bytes.js';
import type { BytesLike } from '../../codec/index.js';
import type { LibfdtError } from './codes.js';
import { FDT_MAGIC, headerSize, TOKEN } from './schema.js';

const INT_MAX = 0x7fffffff;
const TRUNCATED = '-FDT_ERR_TRUNCATED';
const BAD_STRUCTURE = '-FDT_ERR_BADSTRUCTURE';

/** The header's fields as libfdt reads them: whatever stands at their place, whether the version has them or not. */
class Header {
  readonly view: DataView;
  constructor(view: DataView) {
    this.view = view;
  }
  #word(at: number): number {
    return at + 4 <= this.view.byteLength ? this.view.getUint32(at) : 0;
  }
  get magic(): number {
    return this.#word(0);
  }
  get totalsize(): number {
    return this.#word(4);
  }
  get struct(): number {
    return this.#word(8);
  }
  get strings(): number {
    return this.#word(12);
  }
  get reservations(): number {
    return this.#word(16);
  }
  get version(): number {
    return this.#word(20);
  }
  get compatible(): number {
    return this.#word(24);
  }
  get stringsSize(): number {
    return this.#word(32);
  }
  get structSize(): number {
    return this.#word(36);
  }
}

/**
 * What `fdt_check_header` returns for a tree at an address that is a multiple of 8: undefined for 0, which is
 * success. Bytes of the header that are not there read as zeros.
 */
export function fdtCheckHeader(bytes: BytesLike): LibfdtError | undefined {
  const header = new Header(dataView(bytes));
  if (header.magic !== FDT_MAGIC) return '-FDT_ERR_BADMAGIC';
  if (header.version < 2 || header.compatible > 17 || header.version < header.compatible)
    return '-FDT_ERR_BADVERSION';
  const low = headerSize(header.version);
  const high = header.totalsize;
  if (high < low || high > INT_MAX) return TRUNCATED;
  const inside = (at: number, size: number): boolean => at >= low && at + size <= high;
  if (
    !inside(header.reservations, 0) ||
    !inside(header.struct, header.version < 17 ? 0 : header.structSize) ||
    !inside(header.strings, header.stringsSize)
  )
    return TRUNCATED;
  return undefined;
}

/** What `fdt_check_full` returns for a buffer of these bytes: undefined for 0, which is success. */
export function fdtCheckFull(bytes: BytesLike): LibfdtError | undefined {
  const view = dataView(bytes);
  const header = new Header(view);
  if (view.byteLength < 28 || view.byteLength < headerSize(header.version)) return TRUNCATED;
  const error = fdtCheckHeader(view);
  if (error !== undefined) return error;
  if (view.byteLength < header.totalsize) return TRUNCATED;
  let entry = header.reservations;
  do {
    if (entry > header.totalsize - 16) return TRUNCATED;
    entry += 16;
  } while (view.getBigUint64(entry - 8) !== 0n);
  return checkStructure(header);
}

function checkStructure(header: Header): LibfdtError | undefined {
  const { view, version } = header;
  const start = header.struct;
  const limit = version >= 17 ? Math.min(start + header.structSize, header.totalsize) : header.totalsize;
  const checkName = nameChecker(header);
  let at = 0;
  let depth = 0;
  let ended = false;
  for (;;) {
    if (start + at + 4 > limit) return TRUNCATED;
    const token = view.getUint32(start + at);
    let next = at + 4;
    switch (token) {
      case TOKEN.NOP:
        break;
      case TOKEN.END:
        return depth === 0 ? undefined : BAD_STRUCTURE;
      case TOKEN.END_NODE:
        if (depth === 0 || ended) return BAD_STRUCTURE;
        ended = --depth === 0;
        break;
      case TOKEN.BEGIN_NODE: {
        let slash = -1;
        for (; start + next < limit && view.getUint8(start + next) !== 0; next++)
          if (view.getUint8(start + next) === 0x2f) slash = next;
        if (start + next >= limit || ended) return BAD_STRUCTURE;
        // The root has no name; before version 16 its path ends with a slash.
        if (++depth === 1 && (version < 16 ? slash + 1 !== next || slash < 0 : next !== at + 4))
          return BAD_STRUCTURE;
        next++;
        break;
      }
      case TOKEN.PROP: {
        if (start + at + 12 > limit) return BAD_STRUCTURE;
        const length = view.getUint32(start + at + 4);
        next = at + 12;
        if (version < 16 && length >= 8 && next % 8 !== 0) next += 4;
        next += length;
        if (start + next > limit || depth === 0 || ended) return BAD_STRUCTURE;
        const error = checkName(view.getUint32(start + at + 8));
        if (error !== undefined) return error;
        break;
      }
      default:
        return BAD_STRUCTURE;
    }
    at = Math.ceil(next / 4) * 4;
  }
}

/** Checks as `fdt_get_string`: before version 17 any string up to the total size will do. */
function nameChecker(header: Header): (offset: number) => LibfdtError | undefined {
  const { view } = header;
  const start = header.strings;
  const end = header.version >= 17 ? start + header.stringsSize : header.totalsize;
  let last = Math.min(end, header.totalsize) - 1;
  while (last >= start && view.getUint8(last) !== 0) last--;
  return (offset) => {
    if (offset > INT_MAX || start + offset >= end) return '-FDT_ERR_BADOFFSET';
    return start + offset <= last ? undefined : TRUNCATED;
  };
}
