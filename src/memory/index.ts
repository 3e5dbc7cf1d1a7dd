/** Memory images: ELF cores, compressed kdumps, LiME, AVML and raw memory as one address space. */

export { codecMemory } from './codec-memory.js';
export { MEMORY_CODES, type MemoryCode } from './codes.js';
export { type Algorithm, DECOMPRESSORS, type Decompressor } from './decompress.js';
export type { ElfTails } from './elf-core.js';
export { type Extent, type FileSource, type FileSystem, fileSource } from './file-source.js';
export {
  type Absence,
  type AbsenceReason,
  type ContainerKind,
  demand,
  type Hole,
  type Image,
  isAbsence,
  type Machine,
  type MemoryWindow,
  type Place,
  type Region,
  type SomeBytes,
  type WindowsOptions,
} from './image.js';
export { LIMITS, type Limits, MAX_READ } from './limits.js';
export { machineOfABI } from './machine.js';
export type { ElfNote } from './notes.js';
export { type Container, type OpenOptions, openImage, recogniseContainer } from './open.js';
export type { RawOptions } from './raw.js';
export { type Recorded, recorded } from './recorded.js';
export {
  type AddressRange,
  type LazyContent,
  type MemoryContents,
  type MemorySegment,
  type SegmentContent,
  type SegmentsOptions,
  segmentsOf,
} from './segments.js';
export { bytesSource, type Source, sliceSource, type WindowOptions, windowed } from './source.js';
export type { Vmcoreinfo } from './vmcoreinfo.js';
export {
  type ElfWriteOptions,
  WRITABLE_CONTAINERS,
  type WritableContainer,
  type WriterOptions,
  writeMemory,
} from './write.js';
export { COMPRESSORS, type Compressor } from './write-compress.js';
export { type CoreNote, type CoreSegment, type ElfCore, elfCore, writeElfCore } from './write-elf.js';
export { type KdumpOptions, writeKdump } from './write-kdump.js';
export { writeLime } from './write-lime.js';
export { type RawWriteOptions, writeRaw } from './write-raw.js';
