/** The way back: from descriptions of states to the bytes that a kernel, or a program, would leave. */
export { BUILD_CODES, type BuildCode } from './codes.js';
export { type BuildOptions, type BuiltHandover, buildHandover, contentsOfBuilt } from './handover/build.js';
export type { FileReader } from './handover/contents.js';
export {
  type Converted,
  type ConvertOptions,
  type ConvertTarget,
  convertHandover,
} from './handover/convert.js';
export { debugfsOf } from './handover/debugfs.js';
export type { SpecOfOptions } from './handover/describer.js';
export type { BuildRegistry, Conversion, FileBuilder, FlbBuilder, Layouts } from './handover/extension.js';
export * from './handover/spec.js';
export { type SpecOf, specOf } from './handover/spec-of.js';
export { buildImage, type ImageOptions, imagePieces } from './image.js';
export { MemoryBuilder, Region, type RegionRequest } from './memory.js';
export * from './passt/index.js';
export { CONTENT_POLICIES, type ContentPolicy, type ReduceOptions, reduce } from './reduce.js';
export {
  type BlockSpec,
  type CapabilitySpec,
  type ConfigSpec,
  type DmabufSpec,
  type EventfdSpec,
  type GuestMemfdSpec,
  type HugeFolioSpec,
  type HugeMemfdSpec,
  type HugetlbSpec,
  type HwptSpec,
  IOMMUFD_BUILDS,
  type IommufdSpec,
  type KvmVcpuSpec,
  type KvmVmSpec,
  type MemAttrSpec,
  PCI_BUILDS,
  type PciDeviceSpec,
  type PciRfcDeviceSpec,
  type PciSpec,
  type SavedStateSpec,
  VFIO_BUILDS,
  type VfioSpec,
} from './siblings/index.js';
export {
  type BuiltDocument,
  buildDocument,
  buildFromText,
  filesIn,
  type NamedFile,
  placed,
  readDocument,
  readHandoverSpec,
  type SpecDocument,
} from './spec/document.js';
export { documentSchema, jsonSchemaOf } from './spec/json-schema.js';
export { DOCUMENT_KINDS, type DocumentKind, HANDOVER_SHAPE } from './spec/kinds.js';
export { type Place, Places } from './spec/places.js';
export { type ReadSpec, readSpec } from './spec/read.js';
export type { Field, Read, Shape } from './spec/shape.js';
export { type Table, type TableRow, tablesMarkdown, tablesOf } from './spec/table.js';
export { specTextOf } from './spec/text.js';
export { specText } from './spec/write.js';
