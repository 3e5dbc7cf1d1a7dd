/**
 * Flattened device trees, read and written: versions 1 to 17, strict as libfdt or lenient, byte for byte as
 * libfdt and dtc lay them out.
 *
 * @example
 * const fdt = parseFDT(bytes);
 * const node = findNode(fdt, '/chosen');
 * const kho = node && property(node, 'linux,kho-fdt');
 */
export * from './codes.js';
export { toDTS, valueText } from './dts.js';
export { fdt } from './format.js';
export { fdtCheckFull, fdtCheckHeader } from './libfdt.js';
export type { ParseOptions } from './options.js';
export { type FDT, parseFDT } from './parse.js';
export { FDT_MAGIC, FdtHeader, FdtNodeHeader, FdtProperty, FdtReserveEntry, FdtToken } from './schema.js';
export * from './tree.js';
export { FDT_LAYOUTS, type FDTLayout, type WriteFDTOptions, writeFDT } from './write.js';
