/** Every layout that passt's migration stream had, in the order of their appearance. */
import type { Schema } from '../../codec/index.js';
import type { Generation } from '../format.js';
import { DraftStream, PasstyStream } from './draft-schema.js';
import {
  LAYOUT,
  MergedStream,
  Placeholder,
  SkeletonAddresses,
  SkeletonHeader,
  UnknownStream,
} from './schema.js';

/** How a generation is read, beside what people are told about it. */
export interface PasstGeneration extends Generation {
  readonly name: GenerationName;
  readonly schema: Schema;
  /** `merged` streams begin with the 16-byte header, whatever follows it. */
  readonly family: 'placeholder' | 'draft' | 'passty' | 'merged';
  /** Which extended record its flows have; undefined where it has no flows. */
  readonly layout: number | undefined;
}

export type GenerationName =
  | 'placeholder'
  | 'draft'
  | 'draft-typo'
  | 'passty'
  | 'skeleton-header'
  | 'skeleton-addresses'
  | 'v1'
  | 'v1-28772ee'
  | 'v1-cfb3740'
  | 'v2'
  | 'newer'
  | 'unsupported';

function generation(
  name: GenerationName,
  family: PasstGeneration['family'],
  schema: Schema,
  title: string,
  source: string,
  layout?: number,
): PasstGeneration {
  return Object.freeze({ name, family, schema, title, source, layout });
}

export const GENERATIONS: readonly PasstGeneration[] = Object.freeze([
  generation(
    'placeholder',
    'placeholder',
    Placeholder,
    'six bytes that prove the channel works: "PASST" and a NUL',
    'commit 31d7002 (2024-12-19) until 5911e08; release 2025_01_21',
  ),
  generation(
    'draft',
    'draft',
    DraftStream,
    'seed draft: a 64 KiB header in the byte order of its source, nothing after it',
    'posted 2025-01-27, Message-ID 20250127231532.672363-7-sbrivio@redhat.com; revised 2025-01-29, 20250128233940.1235855-6-…; never merged',
  ),
  generation(
    'draft-typo',
    'draft',
    DraftStream,
    'later draft: the same header, but targets compare with a wrong byte-reversed magic number',
    'revisions of 2025-01-29 to 02-11, migrate.c blobs 148cd660 and b7e5431; never merged',
  ),
  generation(
    'passty',
    'passty',
    PasstyStream,
    'later draft: the text {passty}, two versions, then a header with an endianness tag and sizes',
    'a revision between 2025-01-29 and 2025-02-11, migrate.c blob 3cad9892; never merged',
  ),
  generation(
    'skeleton-header',
    'merged',
    SkeletonHeader,
    'the merged 16-byte header and nothing else',
    'commit 5911e08 (2025-02-12); never released',
  ),
  generation(
    'skeleton-addresses',
    'merged',
    SkeletonAddresses,
    'the merged header and the guest addresses, 58 bytes',
    'commit 155cd0c (February 2025); never released',
  ),
  generation(
    'v1',
    'merged',
    MergedStream,
    'version 1: extended records of 48 bytes, MSS in the byte order of the source',
    'commit 89ecf2f (2025-02-13); release 2025_02_17.a1e48a0 only',
    LAYOUT.v1,
  ),
  generation(
    'v1-28772ee',
    'merged',
    MergedStream,
    'version 1 with a big-endian MSS, for part of one day',
    'commit 28772ee (2025-03-19); never released',
    LAYOUT['v1-28772ee'],
  ),
  generation(
    'v1-cfb3740',
    'merged',
    MergedStream,
    'version 1 with extended records of 52 bytes, for part of one day',
    'commit cfb3740 (2025-03-19); never released',
    LAYOUT.v2,
  ),
  generation(
    'v2',
    'merged',
    MergedStream,
    'version 2: extended records of 52 bytes with a timestamp, MSS big-endian',
    'commit c250ffc (2025-03-19); every release from 2025_03_20.32f6212 on, still so in 2026-10-02',
    LAYOUT.v2,
  ),
  generation(
    'newer',
    'merged',
    MergedStream,
    'a version after 2 that allows readers of version 2, and is read as that',
    'the rule of passt for versions that it does not know; no such version was merged by 2026-10-02',
    LAYOUT.v2,
  ),
  generation(
    'unsupported',
    'merged',
    UnknownStream,
    'a header that no known passt accepts; what follows it is not interpreted',
    'for instance version 3 as proposed on 2026-03-21, not merged by 2026-10-02',
  ),
]);

const byName: ReadonlyMap<string, PasstGeneration> = new Map(
  GENERATIONS.map((generation) => [generation.name, generation]),
);

/** The generation of that name, or undefined. */
export function findGeneration(name: string): PasstGeneration | undefined {
  return byName.get(name);
}
/** The generation of a name that is known to exist. */
export function generationOf(name: GenerationName): PasstGeneration {
  const found = byName.get(name);
  if (found === undefined) throw new TypeError(`no generation ${name}`);
  return found;
}
