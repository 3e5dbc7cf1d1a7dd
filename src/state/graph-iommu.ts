/** IOMMUs, domains, devices, their tables and owners, and the files that lead to them. */
import { type FollowedState, stateOf } from '../formats/iommu/follow.js';
import type { FoundDevice, FoundDomain, FoundUnit } from '../formats/iommu/index.js';
import { type FilePart, filesOf, flbsOf } from '../formats/luo/parts.js';
import type { GraphMaker } from './graph-maker.js';
import { type FileMemory, fileMemory, mappedOf } from './graph-memory.js';
import { hexText, isRecord, plural } from './graph-words.js';
import { sizeText } from './handover-tree.js';

const TYPES: Readonly<Record<number, string>> = { 0: 'no driver', 1: 'Intel VT-d', 2: 'Arm SMMUv3' };

type Fields = Readonly<Record<string, unknown>>;

export function addIommuStates(maker: GraphMaker, entries: Fields): void {
  const files = filesOf(entries);
  const memories = files.flatMap(({ path, file }) =>
    Object.entries(file).flatMap(([key, value]) => {
      const id = `${path}.${key}#memory`;
      return isRecord(value) && maker.has(id) ? [{ id, memory: fileMemory(value, maker.pageSize) }] : [];
    }),
  );
  for (const { path, value } of flbsOf(entries, 'iommu')) {
    const state = stateOf(value);
    if (state === undefined || !isRecord(value)) continue;
    const group = path;
    const { profile, iommus, domains, devices } = state;
    maker.group(group, `IOMMU state, layout ${profile.name}`);
    maker.node({
      id: path,
      kind: 'iommu-state',
      path,
      lines: [
        `layout ${profile.name}`,
        [
          plural(iommus.length, 'IOMMU'),
          plural(domains.length, 'domain'),
          plural(devices.length, 'device'),
        ].join(', '),
      ],
      address:
        isRecord(value.root) && typeof value.root.address === 'bigint' ? value.root.address : undefined,
      group,
      parent: path.replace(/\.iommu$/, ''),
    });
    maker.edge(path.replace(/\.iommu$/, ''), path, '');
    for (const unit of iommus) addUnit(maker, unit, group);
    for (const domain of domains) addDomain(maker, state, domain, group);
    for (const device of devices) addDevice(maker, state, device, files, group);
    addMapped(maker, state, memories);
    addFileEdges(maker, state, files);
  }
  linkPci(maker, entries);
}

function addUnit(maker: GraphMaker, unit: FoundUnit, group: string): void {
  const { path, index, type, token, deleted, rootTable, streamTable, slot, devices } = unit;
  maker.node({
    id: path,
    kind: 'iommu',
    path,
    lines: [
      `IOMMU ${index}: ${TYPES[type] ?? `type ${type}`}`,
      `registers ${hexText(token)}`,
      deleted ? 'deleted' : plural(devices.length, 'device'),
    ],
    address: slot.address,
    group,
    parent: group,
  });
  maker.edge(group, path, '');
  const table = rootTable ?? streamTable?.base;
  if (table === undefined || table === 0n || deleted) return;
  const id = `${path}#table`;
  maker.node({
    id,
    kind: 'hardware-table',
    path,
    lines: [rootTable === undefined ? 'stream table' : 'root table'],
    address: rootTable ?? table & 0xf_ffff_ffff_ffc0n,
    group,
    parent: path,
  });
  maker.edge(path, id, 'reads');
}

function addDomain(maker: GraphMaker, state: FollowedState, domain: FoundDomain, group: string): void {
  const { path, index, vasz, topLevel, deleted, slot, devices, topTable } = domain;
  maker.node({
    id: path,
    kind: 'domain',
    path,
    lines: [
      `domain ${index}`,
      vasz === undefined ? '' : `${vasz} bits`,
      deleted ? 'deleted' : plural(devices.length, 'device'),
    ],
    address: slot.address,
    group,
    parent: group,
  });
  if (deleted) {
    maker.edge(group, path, '');
    return;
  }
  if (devices.length === 0) maker.edge(group, path, '');
  const tables = state.hardware.domains.get(domain);
  const id = tablesId(state, domain);
  maker.node({
    id,
    kind: 'page-tables',
    path: tables === undefined ? path : `${path}.tables`,
    lines:
      tables === undefined
        ? ['page tables', `level ${topLevel}`, 'not walked']
        : [
            `${tables.confidence === 1 ? '' : 'probably '}${tables.format} page tables`,
            `${plural(Number(topLevel) + 1, 'level')}, ${plural(
              tables.levels.reduce((sum, level) => sum + level.tables, 0),
              'table',
            )}`,
            tables.bytes === 0n
              ? 'map nothing'
              : `map ${sizeText(tables.bytes)} in ${plural(tables.mappings.length, 'run')}`,
            tables.preserved === false ? 'not all of it preserved' : '',
          ],
    address: topTable,
    group,
    parent: path,
  });
  maker.edge(path, id, 'translates by');
}

/** Domains with the same topmost table have one node for it. */
function tablesId(state: FollowedState, { topTable }: FoundDomain): string {
  return `${state.path}#tables@${hexText(topTable)}`;
}

function addDevice(
  maker: GraphMaker,
  state: FollowedState,
  device: FoundDevice,
  files: readonly FilePart[],
  group: string,
): void {
  const { path, bdf, deleted, domain, iommu, id, pasidTable, maxPasid, slot } = device;
  const reach = state.hardware.devices.get(device);
  maker.node({
    id: path,
    kind: 'device',
    path,
    lines: [
      bdf,
      deleted ? 'deleted' : '',
      reach === undefined
        ? ''
        : `${reach.kind}${reach.bytes === undefined ? '' : `, reaches ${reach.bytes === 0n ? 'nothing' : sizeText(reach.bytes)}`}`,
    ],
    address: slot.address,
    group,
    parent: deleted ? group : (domain?.path ?? iommu?.path ?? group),
  });
  if (deleted) {
    maker.edge(group, path, '');
    return;
  }
  const lost = (what: string, address: bigint): string => {
    const node = `${state.path}#${what}@${hexText(address)}`;
    maker.node({
      id: node,
      kind: 'missing',
      path,
      lines: [`no ${what} at ${hexText(address)}`],
      group,
      parent: path,
    });
    return node;
  };
  if (iommu !== undefined) maker.edge(iommu.path, path, '');
  else maker.edge(lost('IOMMU', device.iommuPhys), path, '');
  maker.edge(path, domain?.path ?? lost('domain', device.domainPhys), `id ${id}`);
  if (pasidTable !== undefined && pasidTable !== 0n) {
    const pasids = `${path}#pasids`;
    maker.node({
      id: pasids,
      kind: 'hardware-table',
      path,
      lines: ['PASID directory', maxPasid === undefined ? '' : plural(Number(maxPasid), 'PASID')],
      address: pasidTable,
      group,
      parent: path,
    });
    maker.edge(path, pasids, 'PASIDs');
  }
  addOwner(maker, state, device, files, group);
}

/** Tokens are unique in a session only: where its vfio file says in which, only that one is asked. */
function addOwner(
  maker: GraphMaker,
  state: FollowedState,
  { path, bdf, owner }: FoundDevice,
  files: readonly FilePart[],
  group: string,
): void {
  if (owner === undefined || owner === 0n) return;
  const held = files.find(({ file }) => isRecord(file.vfio) && file.vfio.address === bdf);
  const owners = files.filter(
    ({ token, file, session }) =>
      token === owner && file.iommufd !== undefined && (held === undefined || held.session === session),
  );
  for (const file of owners) maker.edge(path, file.path, 'owned by');
  if (owners.length > 0) return;
  const id = `${state.path}#owner@${hexText(owner)}`;
  maker.node({
    id,
    kind: 'owner',
    path,
    lines: [`owner ${hexText(owner)}`, 'no iommufd has this token'],
    group,
    parent: group,
  });
  maker.edge(path, id, 'owned by');
}

function addMapped(
  maker: GraphMaker,
  state: FollowedState,
  memories: readonly { readonly id: string; readonly memory: FileMemory }[],
): void {
  for (const [domain, { mappings }] of state.hardware.walks)
    for (const { id, memory } of memories) {
      const { bytes, complete } = mappedOf(mappings, memory);
      if (bytes > 0n)
        maker.edge(tablesId(state, domain), id, `maps ${complete ? '' : 'at least '}${sizeText(bytes)}`);
    }
}

function addFileEdges(maker: GraphMaker, state: FollowedState, files: readonly FilePart[]): void {
  const domainAt = new Map(state.domains.map((domain) => [domain.slot.address, domain]));
  const deviceAt = new Map<string, FoundDevice>();
  for (const device of state.devices)
    if (!device.deleted && !deviceAt.has(device.bdf)) deviceAt.set(device.bdf, device);
  for (const { path, file } of files) {
    const { vfio, iommufd } = file;
    const device =
      isRecord(vfio) && typeof vfio.address === 'string' ? deviceAt.get(vfio.address) : undefined;
    if (device !== undefined) maker.edge(path, device.path, 'device');
    if (!isRecord(iommufd) || !Array.isArray(iommufd.hwpts)) continue;
    for (const hwpt of iommufd.hwpts) {
      if (!isRecord(hwpt) || typeof hwpt.domain_data !== 'bigint' || typeof hwpt.token !== 'bigint') continue;
      const label = `hwpt ${hexText(hwpt.token)}`;
      const domain = domainAt.get(hwpt.domain_data);
      if (domain !== undefined) {
        maker.edge(path, domain.path, label);
        continue;
      }
      const id = `${path}#domain@${hexText(hwpt.domain_data)}`;
      maker.node({
        id,
        kind: 'missing',
        path: `${path}.iommufd`,
        lines: [`no domain at ${hexText(hwpt.domain_data)}`],
        parent: path,
      });
      maker.edge(path, id, label);
    }
  }
}

/** The PCI core's devices and those of the IOMMUs, by their addresses. */
function linkPci(maker: GraphMaker, entries: Fields): void {
  const devices = new Map<string, string>();
  for (const { value } of flbsOf(entries, 'iommu'))
    for (const { bdf, deleted, path } of stateOf(value)?.devices ?? [])
      if (!deleted && !devices.has(bdf)) devices.set(bdf, path);
  for (const { path, value } of flbsOf(entries, 'pci')) {
    if (!isRecord(value) || !Array.isArray(value.devices)) continue;
    for (const [i, device] of value.devices.entries()) {
      const to =
        isRecord(device) && typeof device.address === 'string' ? devices.get(device.address) : undefined;
      if (to !== undefined) maker.edge(`${path}.devices[${i}]`, to, 'same device');
    }
  }
}
