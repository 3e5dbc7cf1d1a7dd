/** The entry of the LUO as a device tree: luo-v1, and luo-v2, whose tree leads to a struct. */
import { type FDTNode, nativeOf, parseFDT, property, stringOf } from '../fdt/index.js';
import type { Blob } from '../kho/extension.js';
import type { Walk } from '../kho/walk.js';
import { type Entries, generationOf } from './entries.js';
import { checkPreserved } from './lists.js';
import { LUO } from './rules.js';
import { LUO_GENERATIONS, LuoSerV2, SIZES } from './schema.js';

export function entriesOfTree(blob: Blob, walk: Walk): Entries | undefined {
  const { path, address } = blob;
  const fdt = parseFDT(blob.bytes, { lenient: true });
  const endian = walk.abi.endian;
  const word = (node: FDTNode | undefined, name: string, where: string): bigint | undefined => {
    const found = node && property(node, name);
    const value = found?.value.length === 8 ? nativeOf(found, endian) : undefined;
    if (value === undefined)
      walk.find(
        LUO.property,
        path,
        address,
        found === undefined
          ? `${where} has no ${name}.`
          : `${name} has ${found.value.length} bytes instead of 8.`,
      );
    return value;
  };
  const text = property(fdt.root, 'compatible');
  const compatible = (text && stringOf(text)) ?? '';
  const generation = generationOf(compatible);
  if (generation === undefined || generation.blob === 'struct')
    walk.find(
      LUO.compatible,
      `${path}.compatible`,
      address,
      `The LUO is a device tree of ${JSON.stringify(compatible)}; known are luo-v1 and luo-v2.`,
    );
  const hasHeader = property(fdt.root, 'luo-abi-header') !== undefined;
  if (generation?.name === 'v2' || (generation === undefined && hasHeader)) {
    const header = word(fdt.root, 'luo-abi-header', 'The device tree');
    const v2 = LUO_GENERATIONS[1];
    if (header === undefined || v2 === undefined) return undefined;
    const ser = walk.decode(LuoSerV2, header, SIZES.luoV2, path, 'the luo_ser');
    if (ser === undefined) return undefined;
    checkPreserved(walk, header, SIZES.luoV2, path, 'the luo_ser');
    if (ser.flbs_pa === 0n) walk.find(LUO['flb-none'], `${path}.flbs`, header + 16n, 'flbs_pa is 0.');
    return {
      compatible,
      generation: v2,
      number: ser.liveupdate_num,
      sessions: ser.sessions_pa,
      flbs: ser.flbs_pa,
      sessionSize: 80,
    };
  }
  const [v1] = LUO_GENERATIONS;
  if (v1 === undefined) return undefined;
  const session = fdt.root.children.find(({ name }) => name === 'luo-session');
  const flb = fdt.root.children.find(({ name }) => name === 'luo-flb');
  const sessionText = session && property(session, 'compatible');
  const sessionCompatible = sessionText && stringOf(sessionText);
  if (
    session !== undefined &&
    sessionCompatible !== 'luo-session-v1' &&
    sessionCompatible !== 'luo-session-v2'
  )
    walk.find(
      LUO.compatible,
      `${path}.sessions`,
      address,
      `The sessions are ${JSON.stringify(sessionCompatible ?? '')}; known are luo-session-v1 and v2.`,
    );
  const number = word(fdt.root, 'liveupdate-number', 'The device tree');
  const sessions = word(session, 'luo-session-header', 'The node luo-session');
  let flbs: bigint | undefined;
  if (flb === undefined)
    walk.find(
      LUO['flb-node'],
      `${path}.flbs`,
      address,
      'There is no node luo-flb, as in 6.19. Linux 7.0 and 7.1 panic without it.',
    );
  else {
    const flbText = property(flb, 'compatible');
    const flbCompatible = flbText && stringOf(flbText);
    if (flbCompatible !== 'luo-flb-v1')
      walk.find(
        LUO.compatible,
        `${path}.flbs`,
        address,
        `The FLBs are ${JSON.stringify(flbCompatible ?? '')}; known is luo-flb-v1.`,
      );
    flbs = word(flb, 'luo-flb-header', 'The node luo-flb');
  }
  return {
    compatible,
    generation: v1,
    number,
    sessions,
    flbs,
    sessionSize: sessionCompatible === 'luo-session-v1' ? 64 : 80,
    flbNode: flb !== undefined,
  };
}
