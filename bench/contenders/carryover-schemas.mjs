/**
 * The works' shapes as schemas: shared by both engines' contenders.
 *
 * @typedef {import('../works/records.mjs').RecordSchema} RecordSchema
 */
import {
  array,
  asNumber,
  be32,
  byField,
  byMagic,
  bytes,
  chars,
  countedBy,
  hex,
  negotiated,
  reserved,
  struct,
  u32,
  u64,
} from '../../dist/node/codec/index.js';
import { SIZE, USED } from '../works/header.mjs';

/** @param {RecordSchema} schema @param {'bigint' | 'number'} mode */
export function recordStruct({ name, fields }, mode) {
  const wide = mode === 'bigint' ? u64 : asNumber(u64);
  return struct(
    name,
    Object.fromEntries(fields.map(([field, type]) => [field, type === 'u32' ? u32 : wide])),
    { packed: true },
  );
}

/** W4. */
export const namedStruct = () =>
  struct('named_record', {
    id: u64,
    flags: u32,
    count: u32,
    elements: array(struct('named_element', { name: chars(64), a: u64, b: u64 }), countedBy('count')),
  });

/** W3: the fields alone, or the whole 64 KiB, of which all that is not used has to be zero. */
export const headerStruct = (/** @type {boolean} */ whole) =>
  negotiated(
    struct(
      'migrate_header',
      {
        magic: hex(u64),
        version: be32,
        voidp_size: be32,
        time_t_size: be32,
        flow_size: be32,
        flow_sidx_size: be32,
        ...(whole ? { unused: reserved(bytes(SIZE - USED)) } : {}),
      },
      { packed: true },
    ),
    {
      endian: byMagic('magic', 0xb1bb1d1b0bb1d1b0n),
      pointerSize: byField('voidp_size', [4, 8]),
      timeSize: byField('time_t_size', [4, 8]),
    },
  );

/** Typed arrays for all fields of a record. @param {RecordSchema} schema @param {number} count @param {'bigint' | 'number'} mode */
export function newColumns({ fields }, count, mode) {
  const wide = mode === 'bigint' ? BigUint64Array : Float64Array;
  return Object.fromEntries(
    fields.map(([field, type]) => [field, new (type === 'u32' ? Uint32Array : wide)(count)]),
  );
}
