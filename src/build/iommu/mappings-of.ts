/** What page tables were found to map, as a spec says it: files where memory belongs to one. */
import type { DomainTables } from '../../formats/iommu/index.js';
import { FRAME, MAY_READ, MAY_WRITE, type TableShape } from '../../formats/pgtable/index.js';
import type { Describer } from '../handover/describer.js';
import type { FilesByMemory } from './files-by-memory.js';
import { piecesOf } from './pieces.js';
import { pageSizes, segmentsOf } from './segments.js';
import type { IommuDomainSpec, IommuMappingSpec } from './spec.js';

/** More than this is left out: nobody reads it. */
const MAX_MAPPINGS = 1 << 14;
const PAGE = BigInt(FRAME);

interface Part {
  readonly iova: bigint;
  size: bigint;
  readonly permissions: number;
  /** Largest page that was found. */
  largest: bigint;
  readonly file: string | undefined;
  /** In the file, or physical. */
  readonly at: bigint;
}

export function mappingsOf(
  { mappings }: DomainTables,
  shape: TableShape,
  files: FilesByMemory,
  describer: Describer,
  path: string,
): Pick<IommuDomainSpec, 'map'> {
  const parts: Part[] = [];
  for (let i = 0; i < mappings.length; i++) {
    const { iova, phys, size, permissions, largestPage } = mappings.at(i);
    if (permissions === 0) continue;
    const first = Number(phys / PAGE);
    const frames = Number(size / PAGE);
    for (let done = 0; done < frames; ) {
      const found = files.find(first + done);
      const length = Math.min(frames - done, found?.frames ?? files.gap(first + done, frames - done));
      add(parts, {
        iova: iova + BigInt(done) * PAGE,
        size: BigInt(length) * PAGE,
        permissions,
        largest: largestPage,
        file: found?.file,
        at: BigInt(found === undefined ? first + done : found.at) * PAGE,
      });
      done += length;
      if (parts.length > MAX_MAPPINGS) {
        describer.omitted.push(`the mappings of ${path}: there are more than ${MAX_MAPPINGS}`);
        return {};
      }
    }
  }
  if (parts.some(({ file }) => file === undefined))
    describer.omitted.push(`what is at physical addresses that ${path} maps and that belong to no memfd`);
  const map = parts.map((part) => specOfPart(part, shape, files, describer));
  return map.length === 0 ? {} : { map };
}

/** A part that goes on with the last one is one with it. */
function add(parts: Part[], part: Part): void {
  const last = parts[parts.length - 1];
  if (
    last !== undefined &&
    last.file === part.file &&
    last.permissions === part.permissions &&
    last.iova + last.size === part.iova &&
    last.at + last.size === part.at
  ) {
    last.size += part.size;
    if (part.largest > last.largest) last.largest = part.largest;
  } else parts.push(part);
}

function specOfPart(
  { iova, size, permissions, largest, file, at }: Part,
  shape: TableShape,
  files: FilesByMemory,
  { handover }: Describer,
): IommuMappingSpec {
  const spec: IommuMappingSpec = {
    iova,
    size,
    ...(file === undefined ? { phys: at } : { file, ...(at === 0n ? {} : { offset: at }) }),
    ...((permissions & MAY_READ) === 0 ? { read: false } : {}),
    ...((permissions & MAY_WRITE) === 0 ? { write: false } : {}),
  };
  const sizes = pageSizes(shape);
  const usual = piecesOf(shape, [spec], files.runs, handover.walk.pageSize, '').reduce(
    (most, piece) => [...segmentsOf(sizes, piece)].reduce((max, { page }) => Math.max(max, page), most),
    0,
  );
  if (BigInt(usual) <= largest) return spec;
  // Pages that take several entries count as the ones that they are made of.
  const page = sizes.find(({ frames }) => BigInt(frames) * PAGE <= largest);
  return page === undefined ? spec : { ...spec, page: BigInt(page.frames) * PAGE };
}
