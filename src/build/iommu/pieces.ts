/** What mappings of a spec lead to: folios of files, or memory by its address. */
import { FRAME, type TableShape } from '../../formats/pgtable/index.js';
import { buildError } from '../build-error.js';
import { wordOf } from '../words.js';
import { type Piece, pageSizes, permissionsOf } from './segments.js';
import type { IommuMappingSpec } from './spec.js';

/** Folios that follow each other in a file and in memory; `index` and the size of folios are in pages. */
export interface FileRun {
  readonly index: bigint;
  readonly order: number;
  readonly count: number;
  readonly phys: () => bigint;
}
/** Folios of a file by `session/0xTOKEN`, by ascending index; undefined if there is no such file. */
export type Files = (name: string) => readonly FileRun[] | undefined;

const PAGE = BigInt(FRAME);

/** The name of a file as it is looked up: with the token in hexadecimal. */
export function fileName(text: string): string {
  const [, session, token] = /^(.*)\/(0x[0-9a-f]+|\d+)$/is.exec(text) ?? [];
  return session === undefined || token === undefined
    ? text
    : `${session}/0x${BigInt(token.toLowerCase()).toString(16)}`;
}

/**
 * The pieces of all mappings of a domain, by ascending address.
 *
 * @throws CarryoverError `build-value` for addresses that the tables do not have, two mappings of one address,
 * memory that no folio holds, and pages of sizes that the format has not.
 */
export function piecesOf(
  shape: TableShape,
  mappings: readonly IommuMappingSpec[],
  files: Files,
  pageSize: number,
  path: string,
): readonly Piece[] {
  const pieces = mappings.flatMap((mapping, i) =>
    [...piecesOfOne(shape, mapping, files, pageSize, `${path}[${i}]`)].map((piece) => ({ piece, i })),
  );
  pieces.sort((a, b) => a.piece.at - b.piece.at);
  for (const [place, { piece, i }] of pieces.entries()) {
    const before = pieces[place - 1];
    if (before !== undefined && before.piece.at + before.piece.frames > piece.at)
      throw buildError(
        'build-value',
        `${path}[${Math.max(i, before.i)}].iova`,
        `the address 0x${(BigInt(piece.at) * PAGE).toString(16)} is mapped by ${path}[${Math.min(i, before.i)}] too`,
      );
  }
  return pieces.map(({ piece }) => piece);
}

function* piecesOfOne(
  shape: TableShape,
  spec: IommuMappingSpec,
  files: Files,
  pageSize: number,
  path: string,
): Iterable<Piece> {
  const size = frameNumber(spec.size, `${path}.size`);
  if (size === 0) throw buildError('build-value', `${path}.size`, 'a mapping has at least a page');
  const at = placeOf(shape, wordOf(spec.iova, `${path}.iova`), size, `${path}.iova`);
  const permissions = permissionsOf(spec.read ?? true, spec.write ?? true);
  const largest = largestOf(shape, spec, path);
  if ((spec.file === undefined) === (spec.phys === undefined))
    throw buildError('build-value', path, 'a mapping leads to a file or to a physical address');
  if (spec.phys !== undefined) {
    const phys = wordOf(spec.phys, `${path}.phys`);
    const first = frameNumber(phys, `${path}.phys`);
    const bits = shape.format.startsWith('armv8') ? 48 : 52;
    if (first + size > 2 ** (bits - 12))
      throw buildError('build-value', `${path}.phys`, `${shape.format} reaches memory of ${bits} bits`);
    if (spec.offset !== undefined)
      throw buildError('build-value', `${path}.offset`, 'only files have an offset');
    yield { at, frames: size, permissions, phys: () => phys, rest: first, aligned: largest };
    return;
  }
  const name = spec.file ?? '';
  const runs = files(fileName(name));
  if (runs === undefined)
    throw buildError('build-value', `${path}.file`, `there is no file ${name} that has folios`);
  const offset = frameNumber(spec.offset ?? 0, `${path}.offset`);
  const scale = pageSize / FRAME;
  let next = offset;
  for (let i = firstBehind(runs, scale, offset); i < runs.length && next < offset + size; i++) {
    const run = runs[i];
    if (run === undefined) break;
    const { index, order, phys } = run;
    const folio = 2 ** order * scale;
    const from = Number(index) * scale;
    const to = endOf(run, scale);
    if (from > next) break;
    const frames = Math.min(to, offset + size) - next;
    const into = next - from;
    yield {
      at: at + next - offset,
      frames,
      permissions,
      phys: () => phys() + BigInt(into) * PAGE,
      rest: into % folio,
      aligned: Math.min(largest, folio),
    };
    next += frames;
  }
  if (next < offset + size)
    throw buildError(
      'build-value',
      path,
      `${name} has no folio for the offset 0x${(BigInt(next) * PAGE).toString(16)}`,
    );
}

/** Frames up to the end of a run in its file. */
function endOf({ index, order, count }: FileRun, scale: number): number {
  return (Number(index) + count * 2 ** order) * scale;
}
/** The first run that ends behind a frame of the file. */
function firstBehind(runs: readonly FileRun[], scale: number, frame: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle];
    if (run !== undefined && endOf(run, scale) > frame) high = middle;
    else low = middle + 1;
  }
  return low;
}

function frameNumber(value: number | bigint, path: string): number {
  const word = wordOf(value, path);
  if (word % PAGE !== 0n) throw buildError('build-value', path, `it is no multiple of ${FRAME}`);
  return Number(word / PAGE);
}

/** The place of addresses among all that the tables have: without the sign. */
function placeOf({ vasz = 64, signExtend }: TableShape, iova: bigint, frames: number, path: string): number {
  if (iova % PAGE !== 0n) throw buildError('build-value', path, `it is no multiple of ${FRAME}`);
  const span = 1n << BigInt(vasz);
  const end = iova + BigInt(frames) * PAGE;
  if (!signExtend && end <= span) return Number(iova / PAGE);
  if (signExtend) {
    const top = 1n << 64n;
    if (end <= span / 2n) return Number(iova / PAGE);
    if (iova >= top - span / 2n && end <= top) return Number((iova - (top - span)) / PAGE);
  }
  throw buildError(
    'build-value',
    path,
    `addresses of the domain have ${vasz} bits${signExtend ? ', the highest of which is repeated' : ''}`,
  );
}

/** Frames of the largest page that is allowed. */
function largestOf(shape: TableShape, { page }: IommuMappingSpec, path: string): number {
  const sizes = pageSizes(shape);
  if (page === undefined) return sizes[0]?.frames ?? 1;
  const wanted = wordOf(page, `${path}.page`);
  const size = sizes.find(({ frames }) => BigInt(frames) * PAGE === wanted);
  if (size === undefined)
    throw buildError(
      'build-value',
      `${path}.page`,
      `${shape.format} has pages of ${sizes.map(({ frames }) => frames * FRAME).join(', ')} bytes that take one entry`,
    );
  return size.frames;
}
