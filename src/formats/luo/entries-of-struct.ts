/** The entry of the LUO as a struct: from luo-v3 on. */
import type { Blob } from '../kho/extension.js';
import { many, type Walk } from '../kho/walk.js';
import { type Entries, generationOf } from './entries.js';
import { LUO } from './rules.js';
import { LUO_GENERATIONS, LuoSer, LuoSerComposite, SIZES } from './schema.js';

export function entriesOfStruct(blob: Blob, walk: Walk): Entries | undefined {
  const { bytes, path, address } = blob;
  if (bytes.length < SIZES.luo) {
    if (blob.complete)
      walk.find(
        LUO.size,
        path,
        address,
        `The blob has ${many(bytes.length, 'byte')}; a luo_ser has ${SIZES.luo}.`,
      );
    return undefined;
  }
  // A composite string is longer than the 8 bytes of a luo_ser, whose last one is a NUL.
  const composite = bytes[7] !== 0 && bytes.length >= SIZES.composite && bytes[15] === 0;
  const size = composite ? SIZES.composite : SIZES.luo;
  const ser = walk.decodeBytes(composite ? LuoSerComposite : LuoSer, bytes.subarray(0, size), address, path);
  if (blob.size !== undefined && blob.size !== size)
    walk.find(
      LUO['size-other'],
      path,
      address,
      `The blob has ${many(blob.size, 'byte')} instead of ${size}.`,
    );
  const generation = generationOf(ser.compatible);
  if (!ser.compatible.startsWith('luo-v') && !walk.map.complete) {
    // The map is gone too: this is the kernel that has taken the handover over.
    walk.find(LUO.freed, path, address, 'The blob does not begin with "luo-v".');
    return undefined;
  }
  if (ser.compatible.includes(';'))
    walk.find(LUO.composite, `${path}.compatible`, address, `The LUO is ${JSON.stringify(ser.compatible)}.`);
  else if (generation === undefined)
    walk.find(
      LUO.compatible,
      `${path}.compatible`,
      address,
      `The LUO is ${JSON.stringify(ser.compatible)}; known are luo-v1 to luo-v5.`,
    );
  // What does not begin like a version at all is not the struct: freed memory that somebody else uses by now.
  if (!ser.compatible.startsWith('luo-v')) return undefined;
  // A version that is not known is read as the last one that is.
  const last = generation?.blob === 'struct' ? generation : LUO_GENERATIONS[LUO_GENERATIONS.length - 1];
  if (last === undefined) return undefined;
  if (ser.flbs_pa === 0n)
    walk.find(LUO['flb-none'], `${path}.flbs`, address + BigInt(size - 8), 'flbs_pa is 0.');
  return {
    compatible: ser.compatible,
    generation: last,
    number: ser.liveupdate_num,
    sessions: ser.sessions_pa,
    flbs: ser.flbs_pa,
    sessionSize: 80,
  };
}
