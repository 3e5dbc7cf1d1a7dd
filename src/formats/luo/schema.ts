/** The structs of the Live Update Orchestrator (include/linux/kho/abi/luo.h). All packed, in native order. */
import { chars, hex, phys, struct, u64 } from '../../codec/index.js';

const PACKED = { packed: true } as const;

export const LIVEUPDATE_SESSION_NAME_LENGTH = 64;
export const LIVEUPDATE_HNDL_COMPAT_LENGTH = 48;

/** The blob of luo-v3, v4 and v5. */
export const LuoSer = struct(
  'luo_ser',
  { compatible: chars(8), liveupdate_num: u64, sessions_pa: phys(), flbs_pa: phys() },
  PACKED,
);
/** The same as proposed with composite compatible strings. */
export const LuoSerComposite = struct(
  'luo_ser',
  { compatible: chars(16), liveupdate_num: u64, sessions_pa: phys(), flbs_pa: phys() },
  PACKED,
);
/** What the property `luo-abi-header` of luo-v2 points at. */
export const LuoSerV2 = struct(
  'luo_ser',
  { liveupdate_num: u64, sessions_pa: phys(), flbs_pa: phys() },
  PACKED,
);

export const LuoFileSetSer = struct('luo_file_set_ser', { files: phys(), count: u64 }, PACKED);
export const LuoSessionSer = struct(
  'luo_session_ser',
  { name: chars(LIVEUPDATE_SESSION_NAME_LENGTH), file_set: LuoFileSetSer },
  PACKED,
);
/** luo-session-v1, which was in one commit only. */
export const LuoSessionSerV1 = struct(
  'luo_session_ser',
  { name: chars(LIVEUPDATE_SESSION_NAME_LENGTH) },
  PACKED,
);
/** The head of luo-v1 to v3's 16 contiguous pages of sessions. */
export const LuoSessionHeaderSer = struct('luo_session_header_ser', { count: u64 }, PACKED);

export const LuoFileSer = struct(
  'luo_file_ser',
  { compatible: chars(LIVEUPDATE_HNDL_COMPAT_LENGTH), data: hex(u64), token: hex(u64) },
  PACKED,
);

export const LuoFlbSer = struct('luo_flb_ser', { name: chars(48), data: hex(u64), count: u64 }, PACKED);
export const LuoFlbHeaderSer = struct('luo_flb_header_ser', { pgcnt: u64, count: u64 }, PACKED);

/** Sizes in bytes. */
export const SIZES = Object.freeze({
  luo: 32,
  composite: 40,
  luoV2: 24,
  session: 80,
  sessionV1: 64,
  file: 64,
  flbHeader: 16,
  flb: 64,
});

export interface LuoGeneration {
  readonly name: 'v1' | 'v2' | 'v3' | 'v4' | 'v5';
  readonly compatible: string;
  readonly title: string;
  readonly source: string;
  /** The blob: a device tree, one that points at a struct, or the struct itself. */
  readonly blob: 'fdt' | 'fdt+struct' | 'struct';
  readonly sessions: 'pages' | 'blocks';
  readonly files: 'pages' | 'blocks';
}
export const LUO_GENERATIONS: readonly LuoGeneration[] = Object.freeze([
  {
    name: 'v1',
    compatible: 'luo-v1',
    title: 'a device tree; from 7.0 on with a node of FLBs',
    source: 'Linux 6.19, 7.0, 7.1',
    blob: 'fdt',
    sessions: 'pages',
    files: 'pages',
  },
  {
    name: 'v2',
    compatible: 'luo-v2',
    title: 'a device tree that points at a struct',
    source: 'one commit before Linux 7.2-rc1',
    blob: 'fdt+struct',
    sessions: 'pages',
    files: 'pages',
  },
  {
    name: 'v3',
    compatible: 'luo-v3',
    title: 'a struct',
    source: 'one commit before Linux 7.2-rc1',
    blob: 'struct',
    sessions: 'pages',
    files: 'pages',
  },
  {
    name: 'v4',
    compatible: 'luo-v4',
    title: 'sessions in linked blocks',
    source: 'one commit before Linux 7.2-rc1',
    blob: 'struct',
    sessions: 'blocks',
    files: 'pages',
  },
  {
    name: 'v5',
    compatible: 'luo-v5',
    title: 'sessions and files in linked blocks',
    source: 'Linux 7.2, 7.3',
    blob: 'struct',
    sessions: 'blocks',
    files: 'blocks',
  },
]);
