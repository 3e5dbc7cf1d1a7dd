/** Builds the other nodes of the root: memblock, the kexec metadata, the kernel's own test, unknown blobs. */

import { encode, type InputOf } from '../../codec/index.js';
import type { FDTNode } from '../../formats/fdt/index.js';
import { KhoKexecMetadata, METADATA_SIZE, METADATA_VERSION } from '../../formats/kexec-metadata/index.js';
import { KhoVmalloc } from '../../formats/kho/schema.js';
import { KHO_TEST_MAGIC } from '../../formats/kho-test/index.js';
import { contentSize, readContent } from '../../memory/segments.js';
import { buildError } from '../build-error.js';
import type { Region, RegionPart } from '../memory.js';
import { smallOf, wordOf } from '../words.js';
import { type HandoverBuilder, textProperty } from './builder.js';
import { contentsOf, slice } from './contents.js';
import type { BuiltNode } from './extension.js';
import type { BlobSpec, KhoTestSpec, MetadataSpec, ReserveMemSpec } from './spec.js';

const MAX_REGIONS = 8;
const MAX_NAME = 15;
const RELEASE_LENGTH = 65;
/** Checksums are computed over the contents, which are made for it. */
const MAX_SUMMED = 256 << 20;

export function buildMemblock(
  builder: HandoverBuilder,
  specs: Readonly<Record<string, ReserveMemSpec>>,
): BuiltNode {
  const entries = Object.entries(specs);
  if (entries.length > MAX_REGIONS)
    throw buildError(
      'build-value',
      'memblock',
      `there are at most ${MAX_REGIONS} regions, not ${entries.length}`,
    );
  const regions = entries.map(([name, spec]) => {
    const path = `memblock.${name}`;
    if (/[\0/]/.test(name))
      throw buildError('build-value', path, 'the name of a region has no slash and no NUL');
    if (name === '' || name.length > MAX_NAME)
      throw buildError('build-value', path, `the name of a region has 1 to ${MAX_NAME} characters`);
    const contents = contentsOf(spec.contents, `${path}.contents`, builder.readFile);
    const asked = spec.size === undefined ? contents.size : wordOf(spec.size, `${path}.size`);
    if (asked < contents.size)
      throw buildError('build-value', `${path}.size`, `the contents have ${contents.size} bytes`);
    const page = BigInt(builder.pageSize);
    const size = (((asked === 0n ? page : asked) + page - 1n) / page) * page;
    const region = builder.memory.region({
      label: path,
      size,
      at: spec.at === undefined ? undefined : wordOf(spec.at, `${path}.at`),
      preserve: 'pages',
      parts: [...slice(contents, 0n, size)],
    });
    return { name, region, size };
  });
  const tree = builder.tree(
    'memblock',
    (): FDTNode => ({
      name: '',
      properties: [textProperty('compatible', 'memblock-v1')],
      children: regions.map(({ name, region, size }) => ({
        name,
        properties: [
          textProperty('compatible', 'reserve-mem-v1'),
          builder.native('start', region.address),
          builder.native('size', size),
        ],
        children: [],
      })),
    }),
    'sequential',
  );
  return { name: 'memblock', ...tree };
}

export function buildMetadata(builder: HandoverBuilder, spec: MetadataSpec): BuiltNode {
  const { previous_release = `${builder.generations.release}.0`, kexec_count = 1 } = spec;
  smallOf(kexec_count, 32, 'metadata.kexec_count');
  if (previous_release.includes('\0'))
    throw buildError('build-value', 'metadata.previous_release', 'a NUL would end it');
  if (previous_release.length >= RELEASE_LENGTH)
    throw buildError(
      'build-value',
      'metadata.previous_release',
      `a release has at most ${RELEASE_LENGTH - 1} characters`,
    );
  const region = builder.object('metadata', KhoKexecMetadata, METADATA_SIZE, () => ({
    version: METADATA_VERSION,
    previous_release,
    kexec_count,
  }));
  return { name: 'kexec-metadata', region, size: () => METADATA_SIZE };
}

/** The descriptor of a list of so many folios whose memory the image does not have. */
function absentList(
  { generations, memory, pageSize }: HandoverBuilder,
  { folios }: KhoTestSpec,
  count: number,
): () => InputOf<typeof KhoVmalloc> {
  const path = 'kho_test.nr_folios';
  if (folios.length > 0) throw buildError('build-value', path, 'it follows from folios');
  if (generations.test === 'inline')
    throw buildError('build-value', path, 'the list is in the tree itself, so it cannot be absent');
  const size = BigInt(pageSize);
  const chunk = memory.region({
    label: path,
    size: pageSize,
    preserve: { order: 0 },
    parts: [{ offset: 0n, size, content: undefined }],
  });
  const total_pages = Math.ceil((count * 8) / pageSize);
  return () => ({ first: chunk.address, total_pages, flags: 1, order: 0 });
}

/** The folios of the kernel's own test, with the checksum that it takes over them. */
export function buildKhoTest(builder: HandoverBuilder, spec: KhoTestSpec): BuiltNode {
  const little = builder.abi.endian === 'little';
  const pages = spec.folios.reduce((sum, { order = 0 }) => sum + 2 ** order, 0);
  if (spec.csum === undefined && pages * builder.pageSize > MAX_SUMMED)
    throw buildError(
      'build-full',
      'kho_test.folios',
      `a checksum is taken over ${MAX_SUMMED} bytes at most: give csum for more`,
    );
  const folios = spec.folios.map(({ order = 0, at, contents }, i) => {
    const path = `kho_test.folios[${i}]`;
    if (order > 20) throw buildError('build-value', path, 'a folio has at most 2^20 pages here');
    const size = builder.pageSize * 2 ** order;
    const held = contentsOf(
      contents ?? [{ fill: 'random', size, seed: (spec.seed ?? 0) + i }],
      `${path}.contents`,
      builder.readFile,
    );
    if (held.size > BigInt(size))
      throw buildError('build-value', path, `the contents have ${held.size} bytes, the folio ${size}`);
    const parts = [...slice(held, 0n, BigInt(size))];
    const region = builder.memory.region({
      label: path,
      size,
      at: at === undefined ? undefined : wordOf(at, `${path}.at`),
      preserve: 'block',
      parts,
    });
    return { region, order, parts };
  });
  const list = (bytes: Uint8Array): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const [i, { region, order }] of folios.entries())
      view.setBigUint64(8 * i, region.address | BigInt(order), little);
  };
  const inline = builder.generations.test === 'inline';
  const unlisted = spec.nr_folios ?? 0;
  const descriptor =
    unlisted > 0
      ? absentList(builder, spec, unlisted)
      : inline
        ? undefined
        : builder.vmalloc('kho_test.folios', folios.length * 8, list);
  const info = (): Uint8Array => {
    if (descriptor !== undefined) return encode(KhoVmalloc, descriptor(), { abi: builder.abi });
    const bytes = new Uint8Array(folios.length * 8);
    list(bytes);
    return bytes;
  };
  const tree = builder.tree(
    'kho_test',
    (): FDTNode => ({
      name: '',
      properties: [textProperty('compatible', 'kho-test-v1'), builder.native('magic', KHO_TEST_MAGIC, 4)],
      children: [
        {
          name: 'data',
          properties: [
            builder.native('nr_folios', unlisted > 0 ? unlisted : folios.length, 4),
            { name: 'folios_info', value: info() },
            builder.native('csum', spec.csum ?? checksum(folios, little), 4),
          ],
          children: [],
        },
      ],
    }),
    'sequential',
  );
  return { name: 'kho_test', ...tree };
}

/**
 * The partial internet checksum (`csum_partial`) over the folios, each taken on from the one before. Absent
 * memory counts as zeros.
 */
function checksum(
  folios: readonly { readonly region: Region; readonly parts: readonly RegionPart[] }[],
  little: boolean,
): number {
  let sum = 0;
  for (const { region, parts } of folios) {
    const bytes = new Uint8Array(region.size);
    for (const { offset, content } of parts)
      if (content !== undefined)
        readContent(content, 0n, bytes.subarray(Number(offset), Number(offset + contentSize(content))));
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 4) {
      sum += view.getUint32(at, little);
      if (sum >= 2 ** 32) sum = sum - 2 ** 32 + 1;
    }
  }
  return sum;
}

export function buildBlob(builder: HandoverBuilder, name: string, spec: BlobSpec): BuiltNode {
  const path = `blobs.${name}`;
  if (name === '' || /[\0/]/.test(name))
    throw buildError('build-value', path, 'the name of a node is not empty and has no slash');
  const contents = contentsOf(spec.contents, `${path}.contents`, builder.readFile);
  if (contents.size === 0n) throw buildError('build-value', path, 'a blob is not empty');
  const size = Number(contents.size);
  const region = builder.allocate(path, {
    size,
    at: spec.at === undefined ? undefined : wordOf(spec.at, `${path}.at`),
  });
  builder.memory.fill(region, (bytes) => {
    for (const { offset, content } of contents.pieces)
      if (content !== undefined) {
        const from = Number(offset);
        readContent(content, 0n, bytes.subarray(from, from + Number(contentSize(content))));
      }
  });
  return { name, region, size: () => size };
}
