/** Builds what the Live Update Orchestrator leaves: sessions, their files, file-lifecycle-bound data. */
import { textBytes } from '../../codec/text.js';
import type { FDTNode } from '../../formats/fdt/index.js';
import {
  LIVEUPDATE_HNDL_COMPAT_LENGTH,
  LIVEUPDATE_SESSION_NAME_LENGTH,
  LuoFileSer,
  LuoFlbHeaderSer,
  LuoFlbSer,
  LuoSer,
  LuoSerV2,
  LuoSessionHeaderSer,
  LuoSessionSer,
  SIZES,
} from '../../formats/luo/index.js';
import { buildError } from '../build-error.js';
import type { Region } from '../memory.js';
import { wordOf } from '../words.js';
import { type HandoverBuilder, type List, textProperty } from './builder.js';
import { dependants } from './dependants.js';
import type { BuiltNode } from './extension.js';
import type { FileSpec, FlbSpec, HandoverSpec, SessionSpec } from './spec.js';

/** Pages of the table of sessions of luo-v1 to v3, and of a table of files of luo-v1 to v4. */
const SESSION_PAGES = 16;
const FILE_PAGES = 2;

export function buildLuo(builder: HandoverBuilder, spec: HandoverSpec): BuiltNode {
  const { luo, flbs: hasFlbs } = builder.generations;
  const sessions = buildSessions(builder, spec.sessions ?? []);
  const flbs = hasFlbs ? buildFlbs(builder, spec.flbs ?? []) : undefined;
  if (!hasFlbs && (spec.flbs ?? []).length > 0)
    throw buildError('build-value', 'flbs', 'Linux 6.19 has no FLBs');
  const number = wordOf(spec.liveupdate_num ?? 1, 'liveupdate_num');
  const compatible = luo.compatible;
  if (luo.blob === 'struct') {
    const region = builder.object('LUO', LuoSer, SIZES.luo, () => ({
      compatible,
      liveupdate_num: number,
      sessions_pa: sessions?.address ?? 0n,
      flbs_pa: flbs?.address ?? 0n,
    }));
    return { name: 'LUO', region, size: () => SIZES.luo };
  }
  if (luo.blob === 'fdt+struct') {
    const ser = builder.object('LUO.luo_ser', LuoSerV2, SIZES.luoV2, () => ({
      liveupdate_num: number,
      sessions_pa: sessions?.address ?? 0n,
      flbs_pa: flbs?.address ?? 0n,
    }));
    const tree = builder.tree(
      'LUO',
      () => ({
        name: '',
        properties: [textProperty('compatible', compatible), builder.native('luo-abi-header', ser.address)],
        children: [],
      }),
      'sequential',
    );
    return { name: 'LUO', ...tree };
  }
  const tree = builder.tree(
    'LUO',
    (): FDTNode => ({
      name: '',
      properties: [textProperty('compatible', compatible), builder.native('liveupdate-number', number)],
      children: [
        {
          name: 'luo-session',
          properties: [
            textProperty('compatible', 'luo-session-v2'),
            builder.native('luo-session-header', sessions?.address ?? 0n),
          ],
          children: [],
        },
        ...(flbs === undefined
          ? []
          : [
              {
                name: 'luo-flb',
                properties: [
                  textProperty('compatible', 'luo-flb-v1'),
                  builder.native('luo-flb-header', flbs.address),
                ],
                children: [],
              },
            ]),
      ],
    }),
    'sequential',
  );
  return { name: 'LUO', ...tree };
}

/** Bytes of a name, with room for its NUL. @throws `build-value` */
function nameOf(name: string, length: number, path: string, what: string): string {
  if (name.includes('\0')) throw buildError('build-value', path, `${what} has no NUL, which would end it`);
  const bytes = textBytes(name);
  if (bytes === undefined)
    throw buildError('build-value', path, `${what} has half a surrogate pair, which is no text`);
  if (bytes.length >= length)
    throw buildError(
      'build-value',
      path,
      `${what} has at most ${length - 1} bytes, ${JSON.stringify(name)} has ${bytes.length}`,
    );
  return name;
}

function buildSessions(builder: HandoverBuilder, specs: readonly SessionSpec[]): Region | undefined {
  const { luo } = builder.generations;
  const label = 'sessions';
  // luo-v1 allocates the table when it starts; later generations have none for no sessions.
  if (specs.length === 0 && luo.blob !== 'fdt') return undefined;
  const list: List =
    luo.sessions === 'blocks'
      ? builder.blocks(label, specs.length, SIZES.session)
      : builder.table(label, specs.length, SIZES.session, SESSION_PAGES, 8);
  const { first } = list;
  if (luo.sessions === 'pages' && first !== undefined)
    builder.memory.write(first, 0, LuoSessionHeaderSer, () => ({ count: specs.length }));
  for (const { name, files = [] } of specs) builder.sessions.set(name, files);
  const names = new Map<string, number>();
  for (const [i, session] of specs.entries()) {
    const path = `sessions[${i}]`;
    const name = nameOf(
      session.name,
      LIVEUPDATE_SESSION_NAME_LENGTH,
      `${path}.name`,
      'the name of a session',
    );
    if (name === '') throw buildError('build-value', `${path}.name`, 'a session has a name');
    const other = names.get(name);
    if (other !== undefined)
      throw buildError(
        'build-value',
        `${path}.name`,
        `sessions[${other}] is called ${JSON.stringify(name)} too`,
      );
    names.set(name, i);
    const files = session.files ?? [];
    const set = buildFiles(builder, name, files, `${path}.files`);
    const slot = list.slots[i];
    if (slot !== undefined)
      builder.memory.write(slot.region, slot.offset, LuoSessionSer, () => ({
        name,
        file_set: { files: set?.address ?? 0n, count: files.length },
      }));
  }
  return first;
}

function buildFiles(
  builder: HandoverBuilder,
  session: string,
  specs: readonly FileSpec[],
  label: string,
): Region | undefined {
  if (specs.length === 0) return undefined;
  const list: List =
    builder.generations.luo.files === 'blocks'
      ? builder.blocks(label, specs.length, SIZES.file)
      : builder.table(label, specs.length, SIZES.file, FILE_PAGES, 0);
  const tokens = new Map<bigint, number>();
  for (const [i, file] of specs.entries()) {
    const path = `${label}[${i}]`;
    const token = wordOf(file.token, `${path}.token`);
    const other = tokens.get(token);
    if (other !== undefined)
      throw buildError(
        'build-value',
        `${path}.token`,
        `${label}[${other}] has the token 0x${token.toString(16)} too`,
      );
    tokens.set(token, i);
    const handler = builder.registry.files.find(({ key }) => file[key] !== undefined);
    const compatible = nameOf(
      file.compatible ?? handler?.compatible(builder, file[handler.key]) ?? missing(path),
      LIVEUPDATE_HNDL_COMPAT_LENGTH,
      `${path}.compatible`,
      'the string of a handler',
    );
    builder.handlers.push(compatible);
    const data =
      handler?.build(file[handler.key], builder, { session, token, path, file }) ??
      (() => wordOf(file.data ?? 0, `${path}.data`));
    const slot = list.slots[i];
    if (slot !== undefined)
      builder.memory.write(slot.region, slot.offset, LuoFileSer, () => ({ compatible, data: data(), token }));
  }
  return list.first;
}
function missing(path: string): never {
  throw buildError(
    'build-value',
    path,
    'nothing says what file it is: give compatible, or a key such as memfd',
  );
}

/** The one page of FLBs, which is there also if there are none. */
function buildFlbs(builder: HandoverBuilder, specs: readonly FlbSpec[]): Region {
  const page = builder.allocate('flbs');
  const capacity = Math.floor((builder.pageSize - SIZES.flbHeader) / SIZES.flb);
  if (specs.length > capacity)
    throw buildError('build-full', 'flbs', `${capacity} FLBs fit into a page, and there are ${specs.length}`);
  builder.memory.write(page, 0, LuoFlbHeaderSer, () => ({ pgcnt: 1, count: specs.length }));
  for (const [i, flb] of specs.entries()) {
    const path = `flbs[${i}]`;
    const known = builder.registry.flbs.find(({ key }) => flb[key] !== undefined);
    const name = nameOf(
      flb.name ?? known?.flbName(builder, flb[known.key]) ?? missingName(path),
      LIVEUPDATE_HNDL_COMPAT_LENGTH,
      `${path}.name`,
      'the name of an FLB',
    );
    const data =
      known?.build(flb[known.key], builder, path, flb) ?? (() => wordOf(flb.data ?? 0, `${path}.data`));
    builder.memory.write(page, SIZES.flbHeader + i * SIZES.flb, LuoFlbSer, () => ({
      name,
      data: data(),
      count:
        flb.count === undefined
          ? dependants(builder.handlers, known?.dependsOn)
          : wordOf(flb.count, `${path}.count`),
    }));
  }
  return page;
}
function missingName(path: string): never {
  throw buildError('build-value', path, 'an FLB has a name');
}
