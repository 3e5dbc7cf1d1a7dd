/** The layouts of `iommufd-v1`, by the generations of the IOMMU's own state that they were posted with. */
import type { Schema } from '../../codec/index.js';
import type { Generation } from '../format.js';
import { IommufdSer, IommufdSerB, IommufdSerR1 } from './schema.js';

export interface IommufdProfile extends Generation {
  readonly schema: Schema;
  /** Bytes of the count, and of each entry; 0 where there are none. */
  readonly header: 0 | 4 | 8;
  readonly entry: 0 | 13 | 24;
}

export const IOMMUFD_PROFILES: readonly IommufdProfile[] = Object.freeze([
  {
    name: 'C',
    title: 'a count of 64 bits, entries of 24 bytes',
    source: 'series v2 of 2026-04-27 and later',
    schema: IommufdSer,
    header: 8,
    entry: 24,
  },
  {
    name: 'B',
    title: 'a count of 32 bits, entries of 13 bytes',
    source: 'series v1 of 2026-02-03 and RFC v2 of 2025-12-02',
    schema: IommufdSerB,
    header: 4,
    entry: 13,
  },
  {
    name: 'R1',
    title: 'a folio, or nothing',
    source: 'RFC v1, autumn of 2025',
    schema: IommufdSerR1,
    header: 0,
    entry: 0,
  },
]);
